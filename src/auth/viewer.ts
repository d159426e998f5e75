/** What a credential may allow; `jobs:read:all` is an operator's: it reads the jobs of every owner. */
export const SCOPES = ["jobs:submit", "jobs:cancel", "jobs:read", "jobs:read:all"] as const;

export type Scope = (typeof SCOPES)[number];

/** The owner of all that is done without authentication, and of the jobs that are older than owners. */
export const LOCAL_OWNER = "local";

/** Whoever an operation is done for. */
export type Viewer = {
  /** The owner of the jobs that it submits, and of those that it sees. */
  readonly ownerId: string;
  readonly scopes: ReadonlySet<Scope>;
  readonly limits: OwnerLimits;
};

/** How much one owner may ask for; null where there is no limit. */
export type OwnerLimits = {
  /** HTTP requests and operations on WebSockets, for each gateway. */
  readonly requestsPerSecond: number | null;
  readonly submitsPerMinute: number | null;
  /** Unfinished jobs. */
  readonly jobsInFlight: number | null;
  readonly jobsPerDay: number | null;
  /** WebSockets that are open at once, for each gateway. */
  readonly sockets: number | null;
  /** Subscriptions that run at once, on sockets and as event streams, for each gateway. */
  readonly subscriptions: number | null;
};
