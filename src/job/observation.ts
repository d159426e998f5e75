import type { JobError } from "./job.ts";
import type { JsonValue } from "./json.ts";

/** A fact about a job that the upstream told, or that the gateway concluded about it. */
export type Observation =
  | { readonly kind: "accepted"; readonly requestId: string }
  /** Nobody will tell any more whether the upstream accepted the job. */
  | { readonly kind: "unanswered" }
  | { readonly kind: "queued"; readonly queuePosition: number | null }
  | { readonly kind: "running" }
  | { readonly kind: "succeeded"; readonly output: JsonValue; readonly finishedAt: Date | null }
  | { readonly kind: "failed"; readonly error: JobError; readonly finishedAt: Date | null }
  | { readonly kind: "cancelled"; readonly finishedAt: Date | null };
