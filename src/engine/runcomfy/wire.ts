import { isIdentifier } from "../job/job.ts";
import type { CostReport } from "../job/advance.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import { isJsonArray, isJsonObject } from "../job/json.ts";
import { readErrorEnvelope } from "./answer-error.ts";
import { cleanReason } from "./clean-reason.ts";

/*
 * Where the upstream's spellings stop. Every reader turns the body of a 2xx into the gateway's word for it, or null when
 * it is not the answer to the call. What one kind of job spells otherwise is in `kinds/`.
 */

/** What /status said. `finished` says nothing about success: /result does. `unknown` is a word that the gateway does not know. */
export type StatusReport = {
  readonly state: UpstreamState;
  readonly queuePosition: number | null;
  /** The upstream's own word, for the log; at most 64 printable characters. */
  readonly word: string;
};

type UpstreamState =
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
  | {
      readonly kind: "succeeded";
      readonly output: JsonValue;
      readonly finishedAt: Date | null;
      readonly cost?: CostReport;
    }
  /** `reason` is the upstream's, cleaned for clients; null where it gave none. */
  | { readonly kind: "failed"; readonly reason: string | null; readonly finishedAt: Date | null }
  | { readonly kind: "cancelled"; readonly finishedAt: Date | null };

/** `requested`: the upstream took note, and a later poll finds the outcome. */
export type CancelReport = "cancelled" | "not-cancellable" | "requested";

const STATES: ReadonlyMap<string, UpstreamState> = new Map([
  ["in_queue", "queued"],
  ["queued", "queued"],
  ["pending", "queued"],
  ["waiting", "queued"],
  ["in_progress", "running"],
  ["starting", "running"],
  ["processing", "running"],
  ["running", "running"],
  ["completed", "finished"],
  ["succeeded", "succeeded"],
  ["success", "succeeded"],
  ["failed", "failed"],
  ["error", "failed"],
  ["cancelled", "cancelled"],
  ["canceled", "cancelled"],
]);

const CANCEL_REPORTS: ReadonlyMap<string, CancelReport> = new Map([
  ["cancelled", "cancelled"],
  ["canceled", "cancelled"],
  ["not_cancellable", "not-cancellable"],
]);

/** The id of an accepted request; null also for an id that can't be part of a path. */
export function readRequestId(body: JsonValue): string | null {
  if (!isJsonObject(body)) return null;
  const { request_id: requestId } = body;
  return isIdentifier(requestId) ? requestId : null;
}

/** The answer of /status. */
export function readStatusReport(body: JsonValue): StatusReport | null {
  const answer = readAnswer(body);
  if (answer === null) return null;
  const { word, members } = answer;
  return {
    state: readState(word, members),
    queuePosition: readQueuePosition(members["queue_position"]),
    word: word.replace(/[^\x20-\x7e]/g, "?").slice(0, 64),
  };
}

/** The answer of /result; null as well when a success has no output. */
export function readResultReport(body: JsonValue): ResultReport | null {
  const answer = readAnswer(body);
  if (answer === null) return null;
  const { word, members } = answer;
  const finishedAt = readUpstreamTime(members["finished_at"]);
  const { output, error } = members;
  const state = readState(word, members);
  switch (state) {
    case "queued":
    case "running":
    case "unknown":
      return { kind: "unfinished", state };
    case "cancelled":
      return { kind: "cancelled", finishedAt };
    case "failed":
      return { kind: "failed", reason: readReason(members), finishedAt };
    case "finished":
    case "succeeded":
      if (state === "finished" && saysSomething(error)) {
        return { kind: "failed", reason: readReason(members), finishedAt };
      }
      return output === undefined || output === null
        ? null
        : { kind: "succeeded", output, finishedAt };
  }
}

/** The answer of /cancel, in its old or new form, with any HTTP status. */
export function readCancelReport(body: JsonValue): CancelReport | null {
  if (!isJsonObject(body)) return null;
  const word = toWord(body["outcome"]) ?? toWord(body["status"]);
  if (word === null || isNamelessError(body)) return null;
  // Anything else, `cancellation_requested` as well as a mere `completed`, is decided by a later poll.
  return CANCEL_REPORTS.get(word) ?? "requested";
}

/** The same where even an accepted cancel may come too late: only the job's own status shows that. */
export function readCancelRequest(body: JsonValue): CancelReport | null {
  const report = readCancelReport(body);
  return report === "cancelled" ? "requested" : report;
}

/** An answer with a status. */
function readAnswer(body: JsonValue): { word: string; members: JsonObject } | null {
  if (!isJsonObject(body)) return null;
  const word = toWord(body["status"]);
  if (word === null || isNamelessError(body)) return null;
  return { word, members: body };
}

/** An error without a request id is about the call, not the job, whatever its status says. */
function isNamelessError(body: JsonObject): boolean {
  return body["request_id"] === undefined && readErrorEnvelope(body) !== null;
}

/** `completed` alone says nothing about success, but an outcome beside it may. */
function readState(word: string, members: JsonObject): UpstreamState {
  const state = STATES.get(word) ?? "unknown";
  if (state !== "finished") return state;
  const outcome = STATES.get(toWord(members["outcome"]) ?? "");
  if (outcome === "cancelled" || outcome === "failed" || outcome === "succeeded") return outcome;
  return "finished";
}

function readQueuePosition(value: JsonValue | undefined): number | null {
  // GraphQL's Int ends at 2^31 - 1, and no queue is that long.
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31
    ? value
    : null;
}

function readReason(members: JsonObject): string | null {
  const text = toText(members["error"]) ?? toText(members["error_message"]);
  return text === null ? null : cleanReason(text);
}

/** The text of an error in any of its forms: a string, `{type?, message}`, or a list of `{errorCode, error, debugInfo}`. */
function toText(error: JsonValue | undefined, depth = 3): string | null {
  if (typeof error === "string") return error === "" ? null : error;
  if (error === undefined || depth === 0) return null;
  if (isJsonArray(error)) {
    const texts = error.slice(0, 10).flatMap((item) => toText(item, depth - 1) ?? []);
    return texts.length === 0 ? null : texts.join("; ");
  }
  if (!isJsonObject(error)) return null;
  const text = toText(error["message"], depth - 1) ?? toText(error["error"], depth - 1);
  const { errorCode } = error;
  return text !== null && typeof errorCode === "number" ? `${text} (${errorCode})` : text;
}

function saysSomething(error: JsonValue | undefined): boolean {
  if (error === undefined || error === null || error === false || error === "") return false;
  return typeof error !== "object" || Object.keys(error).length > 0;
}

function toWord(value: JsonValue | undefined): string | null {
  return typeof value === "string" ? value.trim().toLowerCase() : null;
}

const TIME =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(\.\d{1,3})?\d*\s*(Z|[+-]\d{2}:?\d{2})?(Z)?$/i;

/**
 * Reads a time in any of the upstream's three forms: without a zone (which means UTC, never local time), with an
 * offset, or with an offset and a `Z` besides, which JavaScript does not read. Null for anything else.
 */
export function readUpstreamTime(value: unknown): Date | null {
  if (typeof value !== "string" || value.length > 64) return null;
  const match = TIME.exec(value.trim());
  if (match === null) return null;
  const [, day, time, fraction = "", offset = "Z"] = match;
  const date = new Date(`${day}T${time}${fraction}${toOffset(offset)}`);
  return Number.isNaN(date.getTime()) ? null : date;
}

function toOffset(offset: string): string {
  if (offset.toUpperCase() === "Z") return "Z";
  return offset.includes(":") ? offset : `${offset.slice(0, 3)}:${offset.slice(3)}`;
}
