import type { JsonObject, JsonValue } from "../job/json.ts";
import type { LiveDeployment } from "./live-deployment.ts";

/** The upstream's name for one job. */
export type RequestReference = {
  readonly apiVersion: string;
  readonly deploymentId: string;
  readonly requestId: string;
};

/** What ends a read early: the caller, or so many milliseconds. */
export type ReadLimits = { readonly signal: AbortSignal; readonly timeoutMs: number };

/**
 * RunComfy's five calls in the gateway's words, and a probe. Each makes exactly one HTTP request and never repeats it (but for
 * `submit`, while it could not be sent), and rejects with a `RunComfyError` for whatever is not the answer it hoped for.
 */
export type RunComfy = {
  /** Submits one job and returns the upstream's id for it. */
  submit(request: SubmitRequest): Promise<string>;
  readStatus(request: RequestReference, limits: ReadLimits): Promise<StatusReport>;
  readResult(request: RequestReference, limits: ReadLimits): Promise<ResultReport>;
  cancel(request: RequestReference, signal: AbortSignal): Promise<CancelReport>;
  /** These deployments, as far as the upstream lists them, or all that it has; it may list others, in any order. */
  listDeployments(ids: readonly string[] | "all"): Promise<readonly LiveDeployment[]>;
  /**
   * Finds out, by reads that change nothing, whether a deployment answers, or (null) RunComfy as a whole, and notes it.
   * Never rejects.
   */
  probe(deploymentId: string | null, signal: AbortSignal): Promise<void>;
};

type SubmitRequest = {
  readonly apiVersion: string;
  readonly deploymentId: string;
  readonly input: JsonObject;
};

/** What /status said. `finished` says nothing about success: /result does. `unknown` is a word that the gateway does not know. */
export type StatusReport = {
  readonly state: UpstreamState;
  readonly queuePosition: number | null;
  /** The upstream's own word, for the log; at most 64 printable characters. */
  readonly word: string;
};

export type UpstreamState =
  | "queued"
  | "running"
  | "finished"
  | "succeeded"
  | "failed"
  | "cancelled"
  | "unknown";

/** What /result said. */
export type ResultReport =
  | { readonly kind: "unfinished"; readonly state: "queued" | "running" | "unknown" }
  | { readonly kind: "succeeded"; readonly output: JsonValue; readonly finishedAt: Date | null }
  /** `reason` is the upstream's, cleaned for clients; null where it gave none. */
  | { readonly kind: "failed"; readonly reason: string | null; readonly finishedAt: Date | null }
  | { readonly kind: "cancelled"; readonly finishedAt: Date | null };

/** `requested`: the upstream took note, and a later poll tells the outcome. */
export type CancelReport = "cancelled" | "not-cancellable" | "requested";
