import type { DocumentLimits } from "./documents/document-limits.ts";

/** What bounds the requests, the sockets and the documents of all; that of each owner comes with its viewer. */
export type ServerLimits = {
  readonly document: DocumentLimits;
  readonly http: {
    readonly bodyBytes: number;
    readonly headersBytes: number;
    readonly headersSeconds: number;
    /** For the whole request, its body included. */
    readonly requestSeconds: number;
    /** Between two requests on one connection. */
    readonly idleSeconds: number;
    readonly connections: number;
  };
  readonly webSocket: {
    /** Until `connection_init`. */
    readonly initSeconds: number;
    readonly messageBytes: number;
    readonly operationsPerSocket: number;
    /** Those that were let in, of all owners. */
    readonly sockets: number;
    /** Of all owners, event streams included. */
    readonly subscriptions: number;
  };
};
