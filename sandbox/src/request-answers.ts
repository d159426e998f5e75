import { type Answer, json, refusal } from "./answer.ts";
import type { Shapes } from "./output-shapes.ts";
import type { StoredRequest } from "./request-store.ts";
import { isFailureWanted } from "./schedule.ts";
import type { Target } from "./target.ts";

/** A request, and how answers describe it. */
type AnswerContext = {
  readonly id: string;
  /** The URL under which its own calls are. */
  readonly base: string;
  readonly target: Target;
  readonly stored: StoredRequest;
  readonly shapes: Shapes;
};

/** The answer to an accepted request. */
export function toSubmitted({
  id,
  base,
  shapes,
}: Pick<AnswerContext, "id" | "base" | "shapes">): Answer {
  if (shapes.has("short-submit")) return json(202, { request_id: id, status: "in_queue" });
  return json(200, { request_id: id, ...toUrls(base), cancel_url: `${base}/cancel` });
}

/** The answer of /status; it has a queue position only while the request waits. */
export function toStatus({ id, base, target, stored, shapes }: AnswerContext): Answer {
  const word = toWord(stored);
  const isEnded = word === "succeeded" || word === "failed";
  // Only a LoRA's status says how a run has ended.
  const usual = isEnded && target.kind !== "lora" ? "completed" : word;
  const isStarted = stored.state === "in_progress" || stored.state === "finished";
  return json(200, {
    request_id: id,
    status: shapes.has("other-words") ? (OTHER_WORDS[word] ?? word) : usual,
    ...(stored.state === "in_queue" &&
      !shapes.has("no-position") && { queue_position: stored.queuePosition }),
    ...(isStarted && target.kind === "comfyui" && { instance_id: INSTANCE }),
    ...toUrls(base),
  });
}

/** The answer of /result; `folder` is the URL of its files. */
export function toResult(
  { id, target, stored, shapes }: AnswerContext,
  { folder, hasCost }: { readonly folder: string; readonly hasCost: boolean },
): Answer {
  const word = toWord(stored);
  const isEnded = stored.state === "finished" || stored.state === "cancelled";
  if (!isEnded && shapes.has("not-ready-400")) return refusal(400_005, NOT_READY);
  const urls = toFiles(target, stored).map((name) => `${folder}/${name}`);
  const cost = hasCost && !shapes.has("no-cost") ? target.toCost?.(stored.input) : undefined;
  const times = shapes.has("high-cost") ? 3 : 1;
  const zone = shapes.has("zoned-times") ? "+00:00" : "";
  return json(200, {
    request_id: id,
    status: shapes.has("other-words") ? (OTHER_RESULT_WORDS[word] ?? word) : word,
    ...(word === "succeeded" && target.toOutput({ input: stored.input, urls, shapes })),
    ...(word === "succeeded" && cost !== undefined && { cost: cost * times }),
    ...(word === "failed" && { error: toError(target, stored, shapes) }),
    created_at: toTimestamp(stored.acceptedAt) + zone,
    ...(isEnded && { finished_at: toTimestamp(stored.finishAt) + zone }),
    ...(isEnded && target.kind === "comfyui" && { instance_id: INSTANCE }),
  });
}

/** The answer of /cancel, by whether the request was cancelled. */
export function toCancelled(
  { id, target, shapes }: Pick<AnswerContext, "id" | "target" | "shapes">,
  isCancelled: boolean,
): Answer {
  const outcome = isCancelled ? "cancelled" : "not_cancellable";
  if (shapes.has("old-cancel"))
    return json(202, {
      request_id: id,
      status: isCancelled ? "cancellation_requested" : outcome,
    });
  if (isCancelled && shapes.has("requested-cancel"))
    return json(202, { request_id: id, status: outcome, outcome: "cancellation_requested" });
  return json(target.kind === "lora" ? 200 : 202, {
    request_id: id,
    status: "completed",
    outcome,
  });
}

/** The names of the files that a request made; none unless it succeeded. */
export function toFiles(target: Target, stored: StoredRequest): readonly string[] {
  return toWord(stored) === "succeeded" ? target.toFileNames(stored.input) : [];
}

function toUrls(base: string) {
  return { status_url: `${base}/status`, result_url: `${base}/result` };
}

function toWord({ state, input }: StoredRequest): string {
  if (state !== "finished") return state;
  return isFailureWanted(input) ? "failed" : "succeeded";
}

const OTHER_WORDS: Readonly<Record<string, string>> = {
  in_queue: "queued",
  in_progress: "processing",
  cancelled: "canceled",
};
const OTHER_RESULT_WORDS: Readonly<Record<string, string>> = {
  ...OTHER_WORDS,
  succeeded: "completed",
  failed: "error",
};

/** A workflow reports each node, a model a sentence, a LoRA an object. */
function toError({ kind }: Target, { input }: StoredRequest, shapes: Shapes): unknown {
  const reasons = input.errors.length > 0 ? input.errors : [FAILURE];
  const isList = kind === "comfyui" || shapes.has("error-list");
  if (shapes.has("error-text") || (kind === "model" && !shapes.has("error-object") && !isList))
    return reasons.join("; ");
  if (isList && !shapes.has("error-object"))
    return reasons.map((error) => ({ errorCode: 5_001, error, debugInfo: "/sandbox/nodes.py" }));
  return { type: "InferenceError", message: reasons.join("; ") };
}

/** Microseconds and no zone, as the contract spells times. */
function toTimestamp(timeMs: number): string {
  return new Date(timeMs).toISOString().replace("Z", "000");
}

const INSTANCE = "sandbox-instance-1";
const FAILURE = "The prompt asks for a failure.";
const NOT_READY = "The result is not ready.";
