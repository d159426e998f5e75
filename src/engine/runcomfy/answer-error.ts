import { z } from "zod";

import type { UpstreamErrorCode } from "../job/errors.ts";
import type { InputIssue } from "../job/input.ts";
import type { JsonValue } from "../job/json.ts";
import { isJsonArray, isJsonObject } from "../job/json.ts";
import { cleanReason } from "./clean-reason.ts";
import type { Call, Delivery } from "./runcomfy-error.ts";
import { RunComfyError } from "./runcomfy-error.ts";

/** A whole answer of the upstream, whatever it says. */
export type Answer = {
  readonly httpStatus: number;
  readonly body: Body;
  readonly retryAfterMs: number | null;
  /** Whether it takes long to fetch and to read. */
  readonly isLarge: boolean;
};

/** What a body that is JSON says of an error, or why it says nothing. */
export type Body =
  | { readonly kind: "json"; readonly envelope: ErrorEnvelope | null }
  | {
      readonly kind: "unreadable";
      readonly why: "not JSON" | "too large" | "too deep" | "broken off";
    };

/** What the vendor's error codes and statuses mean to one of its APIs. */
export type ErrorMeanings = {
  /** Of codes that mean something else than the status in their first three digits. */
  readonly codes: ReadonlyMap<number, UpstreamErrorCode>;
  /** The codes for what is another account's. */
  readonly notTheOwner: ReadonlySet<number>;
  /** The statuses of a submit whose input is at fault, unless its code says otherwise. */
  readonly badInput: ReadonlySet<number>;
  /** The codes with which a 400 refuses a submit for certain; left out where it does so with any. */
  readonly refusing?: ReadonlySet<number>;
};

const CODES_BY_STATUS: ReadonlyMap<number, UpstreamErrorCode> = new Map([
  [401, "UNAUTHORIZED"],
  [402, "INSUFFICIENT_FUNDS"],
  [403, "FORBIDDEN"],
  [404, "NOT_FOUND"],
  [408, "TIMEOUT"],
  [429, "RATE_LIMITED"],
]);

const NEXT_STEPS: Partial<Record<UpstreamErrorCode, string>> = {
  UNAUTHORIZED: "Set a valid RUNCOMFY_API_TOKEN.",
  FORBIDDEN: "Check that the deployment belongs to the account of RUNCOMFY_API_TOKEN.",
  NOT_FOUND: "Check that the deployment still exists on RunComfy's dashboard.",
  INSUFFICIENT_FUNDS: "Top up the RunComfy account.",
  DEPLOYMENT_DISABLED: "Enable the deployment on RunComfy's dashboard.",
  DEPLOYMENT_DELETED: "Use another deployment.",
  REJECTED: "Compare the request with the deployment's schema.",
};

/** RunComfy has one, whatever is asked of it. */
const NO_LIST = "Check RUNCOMFY_BASE_URL, as there is no list of deployments where it leads.";
const STATUS_PAGE = "Check RunComfy's status page if this stays.";

/** The error for an answer that the call did not hope for, by its code first and its status second. */
export function toAnswerError(call: Call, answer: Answer, errors: ErrorMeanings): RunComfyError {
  const { httpStatus, retryAfterMs, body } = answer;
  const envelope = body.kind === "json" ? body.envelope : null;
  const status = toStatus(httpStatus, envelope);
  const code = errors.codes.get(envelope?.code ?? 0) ?? toCode(status, answer, envelope);
  const delivery = toDelivery([httpStatus, status], envelope, errors);
  const isBadInput = errors.badInput.has(status) && code === "REJECTED" && delivery === "refused";
  return new RunComfyError(describe(call, code, answer), {
    code,
    delivery,
    httpStatus,
    retryAfterMs,
    isRefused: code === "INVALID_RESPONSE" && (answer.isLarge || isTooDeep(body)),
    isAnothers: errors.notTheOwner.has(envelope?.code ?? 0),
    issues: isBadInput ? toIssues(envelope) : null,
  });
}

function isTooDeep(body: Body): boolean {
  return body.kind === "unreadable" && body.why === "too deep";
}

/** The vendor's numbers are an HTTP status with three more digits (404001), and truer than the answer's own status. */
function toStatus(httpStatus: number, envelope: ErrorEnvelope | null): number {
  const status = Math.floor((envelope?.code ?? 0) / 1_000);
  return status >= 400 && status <= 599 ? status : httpStatus;
}

function toCode(status: number, answer: Answer, envelope: ErrorEnvelope | null): UpstreamErrorCode {
  if (status >= 500 || (status >= 300 && status < 400)) return "UNAVAILABLE";
  // The upstream speaks JSON: any other "not found" is a proxy's and says nothing about the job.
  if (status === 404 && answer.body.kind !== "json") return "UNAVAILABLE";
  if (status < 400 && envelope === null) return "INVALID_RESPONSE";
  return CODES_BY_STATUS.get(status) ?? "REJECTED";
}

/** A proxy says 408, 502, 503 or 504 also of a request that it has passed on. */
function toDelivery(
  [httpStatus, status]: readonly [httpStatus: number, status: number],
  envelope: ErrorEnvelope | null,
  { refusing }: ErrorMeanings,
): Delivery {
  // Mutant: a proxy's time-out taken for a refusal
  if ([httpStatus, status].some((one) => one === 408 || one >= 500)) return "unknown";
  if (httpStatus < 300) return envelope === null ? "unknown" : "refused";
  if (httpStatus < 400) return "unknown";
  const { code = null, isValidation = false } = envelope ?? {};
  const isKnown = httpStatus !== 400 || code === null || (refusing?.has(code) ?? true);
  return isKnown || isValidation ? "refused" : "unknown";
}

function toIssues(envelope: ErrorEnvelope | null): ErrorEnvelope["issues"] {
  if (envelope !== null && envelope.issues.length > 0) return envelope.issues;
  return [
    {
      path: [],
      message: "is not accepted by RunComfy, which gives no reason; check every field",
    },
  ];
}

function describe(call: Call, code: UpstreamErrorCode, answer: Answer): string {
  const why = answer.body.kind === "json" ? "" : `, ${answer.body.why}`;
  const isNowhere = call === "list" && answer.httpStatus === 404;
  const nextStep = isNowhere ? NO_LIST : (NEXT_STEPS[code] ?? STATUS_PAGE);
  return `RunComfy's answer to the ${call} was HTTP ${answer.httpStatus}${why}: ${code}. ${nextStep}`;
}

/** What the upstream says about an error; `code` is the vendor's number, NaN for a code that is no number, null for none. */
type ErrorEnvelope = {
  readonly code: number | null;
  readonly issues: readonly InputIssue[];
  /** Whether it is about an input: it has a list of details, or names a field. */
  readonly isValidation: boolean;
};

const MAX_ISSUES = 20;

const issueSchema = z.object({
  loc: z.array(z.union([z.string().max(128), z.int().nonnegative()])).max(64),
  msg: z.string().catch(""),
});

/**
 * Reads the upstream's error envelopes: `{error_code, error_message, field?}`, `{detail: […]}`, `{detail: "…"}` and
 * `{detail: {error: {code, message, details}}}`. Null when it is none. A lone `{message}` is not asked for here: it says
 * nothing that the HTTP status does not, and inside a 2xx it need not be an error.
 */
export function readErrorEnvelope(body: JsonValue): ErrorEnvelope | null {
  if (!isJsonObject(body)) return null;
  const { detail } = body;
  if (isJsonObject(detail) && isJsonObject(detail["error"])) {
    const { code, details = null } = detail["error"];
    return { code: readCode(code), ...readProblems(details) };
  }
  const { error_message: message = null, field = null } = body;
  const code = readCode(body["error_code"]);
  const isNumber = code !== null && !Number.isNaN(code);
  if (!isNumber && !isText(message) && !isText(detail) && !isJsonArray(detail ?? null)) return null;
  return { code, ...readProblems(isText(field) ? [{ loc: [field], msg: message }] : detail) };
}

/** Zero means that nothing is wrong. */
function readCode(value: JsonValue | undefined): number | null {
  const code = typeof value === "string" ? Number(value) : value;
  if (typeof code !== "number" || code === 0) return null;
  return Number.isInteger(code) ? code : Number.NaN;
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === "string" && value !== "";
}

function readProblems(detail: JsonValue = null) {
  const problems = isJsonArray(detail) ? detail : [];
  const issues = problems.slice(0, MAX_ISSUES).flatMap((item): InputIssue[] => {
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
  return { issues, isValidation: problems.length > 0 };
}
