import { CodedError } from "../runtime/coded-error.ts";

/** What a credential may allow unless more is asked for. */
export const DEFAULT_SCOPES = ["jobs:submit", "jobs:cancel", "jobs:read"] as const;

/**
 * What a credential may allow, besides the scopes of parts. `jobs:read:all` and `operate` are an operator's: they read the
 * jobs of every owner, and pause deployments for all.
 */
export const SCOPES = [...DEFAULT_SCOPES, "jobs:read:all", "jobs:approve", "operate"] as const;
export type Scope = (typeof SCOPES)[number] | keyof PartScopes;

/**
 * The scopes of parts, each of which declares its own here.
 *
 * @public
 */
// oxlint-disable-next-line typescript/no-empty-object-type
export interface PartScopes {}

export function isScope(word: string, known: readonly Scope[]): word is Scope {
  return known.some((scope) => scope === word);
}

/** The owner of everything done without authentication, and of jobs from before jobs had owners. */
export const LOCAL_OWNER = "local";

/** What an owner's id must be like; the id comes first. */
export const OWNER_RULE = "must be 1 to 255 characters without control characters";

/** Whether a text can be an owner's id: a database column can hold it, and one line shows it whole. */
export function isOwnerId(text: string): boolean {
  return text.length <= 255 && text.isWellFormed() && /^\P{Cc}+$/u.test(text);
}

/** Whom an operation is done for. */
export type Viewer = {
  /** The owner of the jobs that it submits, and of those that it sees. */
  readonly ownerId: string;
  readonly scopes: ReadonlySet<Scope>;
  readonly limits: OwnerLimits;
  readonly credential: Credential;
};

/** What a viewer was let in by, and what the database keeps of it. No secret. */
export type Credential = {
  /**
   * An API key's id, or a token's `sub`, the same whichever key of the one issuer has signed it; null without
   * authentication. A sign-in has that of the key or token that was shown.
   */
  readonly id: string | null;
  /** What vouches for it: an API key as its file has it, or the key that has signed a token. */
  readonly signedBy: string;
  /** Whether what it submits waits until another credential has approved it. */
  readonly needsApproval: boolean;
  /** Its own, by their names, in US dollars. Only API keys have some, and sign-ins with these. */
  readonly limits?: Readonly<Record<string, number>>;
};

/** What a credential may be given, that of parts included. */
export type Grants = {
  readonly scopes: readonly Scope[];
  /** The limits that are a credential's and not its owner's: names, and what each limits. All are US dollars. */
  readonly credentialLimits: Readonly<Record<string, string>>;
};

/** Throws FORBIDDEN unless the viewer's credential has these scopes; `jobs:read:all` includes `jobs:read`. */
export function requireScopes(
  { scopes }: Pick<Viewer, "scopes">,
  ...needed: readonly Scope[]
): void {
  for (const scope of needed) {
    if (scopes.has(scope) || (scope === "jobs:read" && scopes.has("jobs:read:all"))) continue;
    throw new CodedError(
      "FORBIDDEN",
      `You lack the scope \`${scope}\`. Use a credential that has it, or ask the gateway's operator for one.`,
    );
  }
}

/** The owner whose jobs the viewer may read; undefined for everybody's. */
export function readableOwner({
  ownerId,
  scopes,
}: Pick<Viewer, "ownerId" | "scopes">): string | undefined {
  return scopes.has("jobs:read:all") ? undefined : ownerId;
}

/** How much one owner may ask for; null if there is no limit. */
export type OwnerLimits = Readonly<Record<(typeof OWNER_LIMITS)[number], number | null>>;

/**
 * What is limited for each owner: HTTP requests and operations on WebSockets, submits, unfinished jobs, jobs a day, open
 * WebSockets, running subscriptions, event streams included, MiB of uploads a day, uploads that have not come, and jobs that
 * are HELD. The requests, WebSockets and subscriptions are counted by each gateway.
 */
export const OWNER_LIMITS = [
  "requestsPerSecond",
  "submitsPerMinute",
  "jobsInFlight",
  "jobsPerDay",
  "sockets",
  "subscriptions",
  "uploadMibPerDay",
  "openUploads",
  "heldJobs",
] as const;
