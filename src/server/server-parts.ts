import type { GraphQLSchema } from "graphql";
import type { YogaServerInstance } from "graphql-yoga";
import type { Logger } from "pino";

import type { Authenticator } from "../auth/authenticator.ts";
import type { Sessions } from "../auth/sessions.ts";
import type { Viewer } from "../auth/viewer.ts";
import type { Config } from "../config/load-config.ts";
import type { Deployment } from "../deployments/catalogue.ts";
import type { Backlog, BacklogShare } from "../schema/backlog.ts";
import type { Connections } from "./connections.ts";
import type { TrustedDocuments } from "./documents/trusted-documents.ts";
import type { MaskError } from "./mask-error.ts";
import type { Origins } from "./origins.ts";
import type { RequestRates, Slots } from "./owner-limits.ts";

export const GRAPHQL_PATH = "/graphql";

/** What a server is made of. */
export type ServerOptions = {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly schema: GraphQLSchema;
  readonly createContext: CreateContext;
  /** Rejects unless the database answers. */
  readonly checkDatabase: () => Promise<void>;
  /** The deployment that GraphiQL's example submits to; null where none is known, or strangers must not learn of it. */
  readonly example: Deployment | null;
  /** Whether what is submitted runs in the sandbox. */
  readonly isSandbox: boolean;
  readonly authenticator: Pick<Authenticator, "authenticate">;
  readonly sessions: Sessions;
  readonly backlog: Backlog;
  readonly doors: {
    /** Whether everybody is let in, so that only this machine may reach the gateway. */
    readonly isOpen: boolean;
    readonly origins: readonly string[];
    readonly hasIntrospection: boolean;
    readonly hasGraphiql: boolean;
    /** Null runs every document. */
    readonly trustedDocuments: TrustedDocuments | null;
  };
  readonly limits: Pick<Config["limits"], "document" | "http" | "webSocket">;
  readonly log: Logger;
};

/** What HTTP and WebSockets share. */
export type ServerParts = ServerOptions & {
  readonly graphql: YogaServerInstance<OperationOrigin, object>;
  readonly maskError: MaskError;
  readonly origins: Origins;
  readonly rates: RequestRates;
  readonly socketSlots: Slots;
  readonly connections: Connections;
};

/** What an operation comes with, over HTTP or a socket. */
export type OperationOrigin = {
  readonly viewer: Viewer;
  /**
   * For what waits for the client to read it. Whoever opened the share closes it once the answer or the client has left;
   * what is given back before then counts until it has left.
   */
  readonly share: BacklogShare;
  /**
   * Called when the answer becomes a stream, which may outlive the credential; `end` ends the stream once the client has
   * left, which it may have done already.
   */
  readonly onStream?: (end: () => void) => void;
};

/** Makes the resolvers' context, once for each operation. */
type CreateContext = (operation: {
  readonly viewer: Viewer;
  readonly share: BacklogShare;
}) => object;
