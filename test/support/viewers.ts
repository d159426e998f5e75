import type { Credential, OwnerLimits, Viewer } from "../../src/auth/viewer.ts";
import { LOCAL_OWNER } from "../../src/auth/viewer.ts";
import { ALL_SCOPES } from "./parts.ts";

/** Those of an owner who may do all. */
export const NO_LIMITS: OwnerLimits = {
  requestsPerSecond: null,
  submitsPerMinute: null,
  jobsInFlight: null,
  jobsPerDay: null,
  uploadMibPerDay: null,
  openUploads: null,
  heldJobs: null,
  sockets: null,
  subscriptions: null,
};

/** Whom only its own limits bind. */
export function createViewer(
  options: {
    readonly ownerId?: string;
    readonly scopes?: Viewer["scopes"];
    readonly limits?: Partial<OwnerLimits>;
    readonly credential?: Partial<Credential>;
  } = {},
): Viewer {
  const { ownerId = LOCAL_OWNER, scopes = new Set(ALL_SCOPES), limits, credential } = options;
  return {
    ownerId,
    scopes,
    limits: { ...NO_LIMITS, ...limits },
    credential: { id: null, signedBy: "", needsApproval: false, ...credential },
  };
}

/** Everybody where nobody says who they are. */
export const LOCAL_VIEWER = createViewer();
