import { isJsonObject, type JsonValue } from "../job/json.ts";
import { isDeeperThan } from "../../runtime/json-depth.ts";
import { type Body, readErrorEnvelope } from "./answer-error.ts";

/** A deeper answer would overflow the stack of whatever walks it. */
const MAX_DEPTH = 200;

/** What the body of an answer says. */
export type Reading<Report> = {
  /** Null where it is not the answer to the call. */
  readonly report: Report | null;
  /** Which request the answer says it is about; null where it doesn't. */
  readonly requestId: string | null;
  readonly body: Body;
};

/** `read` finds the report in the body, and throws only where it has a bug. */
export function readAnswer<Report>(
  bytes: Uint8Array,
  read: ((body: JsonValue) => Report | null) | undefined,
): Reading<Report> {
  if (isDeeperThan(bytes, MAX_DEPTH)) return toUnreadable("too deep");
  const value = parse(bytes);
  if (value === undefined) return toUnreadable("not JSON");
  const requestId = isJsonObject(value) ? value["request_id"] : null;
  const report = read?.(value) ?? null;
  return {
    report,
    requestId: typeof requestId === "string" ? requestId.slice(0, MAX_ID_LENGTH) : null,
    body: { kind: "json", envelope: report === null ? readErrorEnvelope(value) : null },
  };
}

export function toUnreadable(why: UnreadableBody["why"]): Reading<never> {
  return { report: null, requestId: null, body: { kind: "unreadable", why } };
}

type UnreadableBody = Extract<Body, { kind: "unreadable" }>;

/** Longer than an id may be, so that a longer one is another. */
const MAX_ID_LENGTH = 129;

function parse(bytes: Uint8Array): JsonValue | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // The parser's message quotes the body, which must not be logged.
    return undefined;
  }
}
