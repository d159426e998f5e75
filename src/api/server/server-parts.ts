import type { GraphQLSchema } from "graphql";
import type { Logger } from "pino";

import type { Authenticator } from "../../auth/authenticator.ts";
import type { Sessions } from "../../auth/authenticator.ts";
import type { SignIns } from "../../auth/sign-ins.ts";
import type { Config } from "../../config/load-config.ts";
import type { Deployment } from "../../engine/deployments/catalogue.ts";
import type { Channels } from "../../engine/diagnostics/channels.ts";
import type { OperationOrigin, Operations } from "../operations/create-operations.ts";
import type { Answers } from "./answers.ts";
import type { FileStore } from "../../engine/files/file-store.ts";
import type { FindOwner } from "../../engine/files/open-files.ts";
import type { SignedUrls } from "../../engine/files/signed-urls.ts";
import type { UploadService } from "../../engine/files/uploads.ts";
import type { JobStore } from "../../engine/store/job-store.ts";
import type { UpstreamWebhooks } from "../../engine/tracking/upstream-webhooks.ts";
import type { MaskError } from "../operations/mask-error.ts";
import type { RequestRates, Slots } from "../operations/owner-limits.ts";
import type { TrustedDocuments } from "../operations/trusted-documents.ts";
import type { ByteLimit } from "../../runtime/byte-limit.ts";
import type { Connections } from "./connections.ts";
import type { Origins } from "./origins.ts";
import type { Credentials } from "./credentials.ts";

export const GRAPHQL_PATH = "/graphql";

/** What a server is made of. */
export type ServerOptions = {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly schema: GraphQLSchema;
  readonly createContext: (origin: OperationOrigin) => object;
  readonly database: Pick<JobStore, "ping">;
  /** The deployment that GraphiQL's example submits to; null where none is known, or strangers must not learn of it. */
  readonly example: Deployment | null;
  readonly channels: Channels;
  readonly authenticator: Pick<Authenticator, "authenticate">;
  readonly sessions: Sessions;
  /** Null where nobody signs in. */
  readonly signIns: Pick<SignIns, "open" | "authenticate" | "end"> | null;
  /** What all requests hold together: bodies that are being received, and answers that are not sent yet. */
  readonly memory: { readonly bodies: ByteLimit; readonly answers: ByteLimit };
  readonly files: {
    readonly store: FileStore;
    readonly uploads: UploadService;
    readonly urls: SignedUrls;
    readonly findOwner: FindOwner;
    /** Lets a thumbnail stay, which goes with its picture. */
    readonly endLease: (name: string) => Promise<void>;
    /** Null is what the server listens on. */
    readonly publicUrl: string | null;
  };
  /** Notified that RunComfy says that a job has ended. */
  readonly upstreamWebhooks: Pick<UpstreamWebhooks, "take">;
  readonly httpAccess: {
    /** Whether everybody is admitted, so that only this machine may reach the gateway. */
    readonly isOpen: boolean;
    readonly origins: readonly string[];
    /** Whether pages of any origin on loopback may call as well. */
    readonly admitsLoopback: boolean;
    readonly hasIntrospection: boolean;
    readonly hasGraphiql: boolean;
    /** Null runs every document. */
    readonly trustedDocuments: TrustedDocuments | null;
  };
  /** What parts answer, in the order in which they are asked, each by the name of its part. */
  readonly answers: readonly (Answers & { readonly name: string })[];
  /** Titles and paths of pages that GraphiQL links to. */
  readonly pages: readonly (readonly [title: string, path: string])[];
  readonly limits: Pick<Config["limits"], "document" | "http" | "webSocket">;
  readonly log: Logger;
};

/** What HTTP and WebSockets share. */
export type ServerParts = ServerOptions & {
  /** Whether a stop has begun. */
  readonly isLeaving: () => boolean;
  readonly operations: Operations;
  readonly maskError: MaskError;
  readonly origins: Origins;
  readonly credentials: Credentials;
  readonly rates: RequestRates;
  readonly socketSlots: Slots;
  readonly connections: Connections;
};
