import type { Job } from "./job.ts";
import { isFinished } from "./job.ts";

/** The sandbox, in the place of an origin. */
export const SANDBOX = "sandbox";

/** What stands between an origin and the name of an account there; no origin has it. */
const BEFORE_ACCOUNT = "#";

/** Where a gateway sends its jobs, as rows name it: the origin, with the account's name if the operator gave one. */
export function nameUpstream(baseUrl: string, account: string | null): string {
  const { origin } = new URL(baseUrl);
  return account === null ? origin : `${origin}${BEFORE_ACCOUNT}${account}`;
}

/** For people: `https://api.runcomfy.net (account team-a)`. */
export function describeUpstream(upstream: string): string {
  const [origin = "", account] = upstream.split(BEFORE_ACCOUNT);
  if (origin === SANDBOX) return "the sandbox";
  return account === undefined ? origin : `${origin} (account ${account})`;
}

/** What names this upstream: itself and, where it is an account, its origin alone, which may be any account's there. */
export function namesOf(upstream: string): readonly string[] {
  const [origin = ""] = upstream.split(BEFORE_ACCOUNT);
  return [...new Set([upstream, origin])];
}

/**
 * Whose a job is, seen from a gateway of `upstream`. `unknown`, until an upstream knows the job's request: it was stored
 * before upstreams were, or with the origin alone.
 */
export function ownership(
  job: Pick<Job, "upstream">,
  upstream: string,
): "ours" | "unknown" | "another's" {
  if (job.upstream === upstream) return "ours";
  const mayBeOurs = job.upstream === null || namesOf(upstream).includes(job.upstream);
  return mayBeOurs ? "unknown" : "another's";
}

/** Whether an accepted job waits until its upstream is back: another one is in use, or this one says it is not its own. */
export function isPaused(
  job: Pick<Job, "status" | "upstream" | "awaySince">,
  upstream: string,
): boolean {
  if (job.status === "SUBMITTING" || isFinished(job)) return false;
  return job.awaySince !== null || ownership(job, upstream) === "another's";
}
