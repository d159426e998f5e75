import type { UpstreamErrorCode } from "../job/errors.ts";
import type { ErrorEnvelope } from "./error-envelope.ts";
import { readErrorEnvelope } from "./error-envelope.ts";
import type { Call, Delivery } from "./runcomfy-error.ts";
import { RunComfyError } from "./runcomfy-error.ts";
import type { Answer } from "./transport.ts";

const REFUSALS_BEFORE_ACCEPTANCE: ReadonlyMap<number, UpstreamErrorCode> = new Map([
  [10_001, "INSUFFICIENT_FUNDS"],
  [10_002, "DEPLOYMENT_DISABLED"],
  [10_003, "DEPLOYMENT_DELETED"],
]);

const NOT_THE_OWNER = 403_003;

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

/** The error for an answer that the call did not hope for. */
export function toAnswerError(call: Call, answer: Answer): RunComfyError {
  const { httpStatus, retryAfterMs } = answer;
  const envelope = answer.body.kind === "json" ? readErrorEnvelope(answer.body.value) : null;
  const status = toStatus(httpStatus, envelope);
  const code = toCode(status, answer, envelope);
  return new RunComfyError(describe(call, code, answer), {
    code,
    delivery: toDelivery(httpStatus, envelope),
    httpStatus,
    retryAfterMs,
    isAnothers: envelope?.code === NOT_THE_OWNER,
    issues: status === 422 && code === "REJECTED" ? toIssues(envelope) : null,
  });
}

/** The vendor's numbers are an HTTP status with three more digits (404001), and truer than the answer's own status. */
function toStatus(httpStatus: number, envelope: ErrorEnvelope | null): number {
  const status = Math.floor((envelope?.code ?? 0) / 1_000);
  return status >= 400 && status <= 599 ? status : httpStatus;
}

function toCode(status: number, answer: Answer, envelope: ErrorEnvelope | null): UpstreamErrorCode {
  const refusal = REFUSALS_BEFORE_ACCEPTANCE.get(envelope?.code ?? 0);
  if (refusal !== undefined) return refusal;
  if (status >= 500 || (status >= 300 && status < 400)) return "UNAVAILABLE";
  // The upstream speaks JSON: any other "not found" is a proxy's and says nothing about the job.
  if (status === 404 && answer.body.kind !== "json") return "UNAVAILABLE";
  if (status < 400 && envelope === null) return "INVALID_RESPONSE";
  return CODES_BY_STATUS.get(status) ?? "REJECTED";
}

function toDelivery(httpStatus: number, envelope: ErrorEnvelope | null): Delivery {
  if (envelope?.code === 500_001) return "unknown";
  if (httpStatus >= 400 && httpStatus < 500) return "refused";
  const isRefusingEnvelope = httpStatus === 503 || (httpStatus >= 200 && httpStatus < 300);
  return isRefusingEnvelope && envelope !== null ? "refused" : "unknown";
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
