import type { Viewer } from "../../auth/viewer.ts";
import { isFinished, type Job } from "./job.ts";
import type { JsonObject } from "./json.ts";

/** What a run costs in US dollars: one amount, or bounds, or neither, which does not mean free. */
export type Cost = {
  readonly source: (typeof COST_SOURCES)[number];
  /** Null where it is UNKNOWN, or ESTIMATED by bounds. */
  readonly usd: number | null;
  /** The bounds are null where it is one amount. */
  readonly minUsd: number | null;
  readonly maxUsd: number | null;
  /** UNKNOWN: why, and what would help. ESTIMATED: what it is based on. Null where it is EXACT. */
  readonly reason: string | null;
  readonly pricedAt: Date;
};

export const COST_SOURCES = ["EXACT", "ESTIMATED", "UNKNOWN"] as const;

/** Estimates costs; a part's. */
export type Costs = {
  /** In the order of the jobs; null where it knows nothing of one. It is not asked for a job whose cost is EXACT. */
  readMany(jobs: readonly Job[]): Promise<readonly (Cost | null)[]>;
  /** What a submit of this input by the viewer would probably cost. The input may have issues. */
  quote(request: {
    readonly viewer: Viewer;
    readonly deploymentId: string;
    readonly input: JsonObject;
  }): Promise<Cost>;
};

/** What RunComfy reported, or 0 for a job that ended and certainly never reached it; otherwise null. */
export function exactCost(job: Job): Cost | null {
  const usd = job.cost ?? (wasNeverSent(job) ? 0 : null);
  if (usd === null) return null;
  return { ...NO_AMOUNT, source: "EXACT", usd, reason: null, pricedAt: toPricedAt(job) };
}

/** Of a job of which nobody knows more. */
export function unknownCost(job: Job): Cost {
  const { status } = job;
  const reason = !isFinished(job) ? NOT_ENDED : status === "SUCCEEDED" ? UNREPORTED : NO_RESULT;
  return toUnknown(reason, toPricedAt(job));
}

export function toUnknown(reason: string, pricedAt: Date): Cost {
  return { ...NO_AMOUNT, source: "UNKNOWN", reason, pricedAt };
}

function wasNeverSent(job: Job): boolean {
  const { requestId, error } = job;
  return isFinished(job) && requestId === null && error?.code !== "SUBMISSION_UNKNOWN";
}

function toPricedAt({ finishedAt, updatedAt }: Job): Date {
  return finishedAt ?? updatedAt;
}

const NO_AMOUNT = { usd: null, minUsd: null, maxUsd: null } as const;

const NOT_ENDED = "The job has not ended. Query its cost again once it has.";
const UNREPORTED =
  "RunComfy has reported no cost. It does so for a model's run, sometimes a minute after its end, and for no deployment's. Compare the balance on RunComfy's dashboard.";
const NO_RESULT =
  "RunComfy reports no cost of a job without a result, which may have cost something all the same. Compare the balance on RunComfy's dashboard.";
