import type { Job } from "./job.ts";
import { isAccepted } from "./job.ts";

/** The sandbox, in the place of an origin. */
export const SANDBOX = "sandbox";

/** The vendor's services, each at an origin of its own. */
const SERVICES = ["deployments", "models"] as const;

export type Service = (typeof SERVICES)[number];

/** What stands between the origins of the services, and before the name of an account; no origin has either. */
const BEFORE_MODELS = " ";
const BEFORE_ACCOUNT = "#";

/**
 * Where a gateway sends its jobs, as one text: the origin of deployments, that of models where there are any, and the
 * account's name if the operator gave one, as in `https://a.example https://m.example#team`.
 */
export function nameUpstream(
  { baseUrl, modelUrl }: { readonly baseUrl: string; readonly modelUrl: string | null },
  account: string | null,
): string {
  const origins = [baseUrl, ...(modelUrl === null ? [] : [modelUrl])].map(
    (url) => new URL(url).origin,
  );
  return origins.join(BEFORE_MODELS) + (account === null ? "" : BEFORE_ACCOUNT + account);
}

/** Where a job of this service is sent, as its row names it: by the deployments' origin, or for models by both. */
export function nameJobUpstream(upstream: string, service: Service): string {
  if (service === "models") return upstream;
  const { deployments, account } = split(upstream);
  return join(deployments, account);
}

/** For people: `https://api.runcomfy.net (account team-a)`. */
export function describeUpstream(upstream: string): string {
  if (isOfSandbox(upstream)) return "the sandbox";
  const { deployments, models, account } = split(upstream);
  const origins = models === undefined ? deployments : `${deployments} and ${models}`;
  return account === undefined ? origins : `${origins} (account ${account})`;
}

/** Whether a row's upstream is the sandbox, by whichever of its names. */
export function isOfSandbox(upstream: string): boolean {
  return split(upstream).deployments === SANDBOX;
}

/** What rows call one upstream. A gateway has one, and asks for its names at every poll and event. */
let latest = toNames(SANDBOX);

function toNames(upstream: string) {
  const own = [...new Set(SERVICES.map((service) => nameJobUpstream(upstream, service)))];
  return { upstream, own, all: [...new Set([...own, ...own.map(withoutAccount)])] };
}

function readNames(upstream: string) {
  if (latest.upstream !== upstream) latest = toNames(upstream);
  return latest;
}

/** What rows call a gateway's upstream whose jobs are surely its own. */
export function ownNamesOf(upstream: string): readonly string[] {
  return readNames(upstream).own;
}

/** The same and, where it is an account, its origins alone, which may be any account's there. */
export function namesOf(upstream: string): readonly string[] {
  return readNames(upstream).all;
}

/** What this gateway calls the upstream of a job that is its own. */
export function toOwnName({ upstream: stored }: Pick<Job, "upstream">, upstream: string): string {
  return ownNamesOf(upstream).includes(stored) ? stored : join(stored, split(upstream).account);
}

/**
 * Whose a job is, seen from a gateway of `upstream`. `unknown`, until an account knows the job's request: it was stored
 * with the origins alone.
 */
export function ownership(
  job: Pick<Job, "upstream">,
  upstream: string,
): "ours" | "unknown" | "another's" {
  if (job.upstream === upstream) return "ours";
  const { own, all } = readNames(upstream);
  if (own.includes(job.upstream)) return "ours";
  return all.includes(job.upstream) ? "unknown" : "another's";
}

/** Whether an accepted job waits until its upstream is back: another one is in use, or this one says it is not its own. */
export function isPaused(
  job: Pick<Job, "status" | "upstream" | "detachedSince">,
  upstream: string,
): boolean {
  if (!isAccepted(job)) return false;
  return job.detachedSince !== null || ownership(job, upstream) === "another's";
}

function split(upstream: string) {
  const [origins = "", account] = upstream.split(BEFORE_ACCOUNT);
  const [deployments = "", models] = origins.split(BEFORE_MODELS);
  return { deployments, models, account };
}

function join(origins: string, account: string | undefined): string {
  return account === undefined ? origins : origins + BEFORE_ACCOUNT + account;
}

function withoutAccount(upstream: string): string {
  const [origins = ""] = upstream.split(BEFORE_ACCOUNT);
  return origins;
}
