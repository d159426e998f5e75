import { z } from "zod";

import type { InputIssue } from "../job/input-issue.ts";
import type { JsonValue } from "../job/json.ts";
import { isJsonArray, isJsonObject } from "../job/json.ts";
import { cleanReason } from "./clean-reason.ts";

/** What the upstream says about an error; `code` is the vendor's number, if it gives one. */
export type ErrorEnvelope = {
  readonly code: number | null;
  readonly issues: readonly InputIssue[];
};

const MAX_ISSUES = 20;

const issueSchema = z.object({
  loc: z.array(z.union([z.string().max(128), z.int().nonnegative()])).max(64),
  msg: z.string().catch(""),
});

/**
 * Reads the upstream's error envelopes: `{error_code, error_message}`, `{detail: […]}`, `{detail: "…"}` and
 * `{detail: {error: {code, message, details}}}`. Null when it is none. A lone `{message}` is not asked for here: it says
 * nothing that the HTTP status does not, and inside a 2xx it need not be an error.
 */
export function readErrorEnvelope(body: JsonValue): ErrorEnvelope | null {
  if (!isJsonObject(body)) return null;
  const { detail } = body;
  if (isJsonObject(detail) && isJsonObject(detail["error"])) {
    const { code, details } = detail["error"];
    return { code: readCode(code), issues: readIssues(details) };
  }
  const code = readCode(body["error_code"]);
  const hasMessage = isText(body["error_message"]);
  if (code === null && !hasMessage && !isText(detail) && !isJsonArray(detail ?? null)) return null;
  return { code, issues: readIssues(detail) };
}

/** Zero means that nothing is wrong. */
function readCode(value: JsonValue | undefined): number | null {
  const code = typeof value === "string" ? Number(value) : value;
  return typeof code === "number" && Number.isInteger(code) && code !== 0 ? code : null;
}

function isText(value: JsonValue | undefined): boolean {
  return typeof value === "string" && value !== "";
}

function readIssues(detail: JsonValue | undefined): InputIssue[] {
  if (detail === undefined || !isJsonArray(detail)) return [];
  return detail.slice(0, MAX_ISSUES).flatMap((item) => {
    const parsed = issueSchema.safeParse(item);
    if (!parsed.success) return [];
    const { loc, msg } = parsed.data;
    return [
      {
        path: loc[0] === "body" ? loc.slice(1) : loc,
        message:
          cleanReason(msg) ??
          "is not accepted by RunComfy, which gives no reason; try another value",
      },
    ];
  });
}
