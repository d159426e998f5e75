import type { CallToolResult } from "@modelcontextprotocol/server";
import { constantCase, snakeCase } from "change-case";
import type { BaseLogger } from "pino";
import { ZodError } from "zod";

import {
  ExpectedError,
  IdempotencyConflictError,
  InvalidError,
  UpstreamError,
} from "../../engine/job/errors.ts";
import { toPathText } from "../../engine/job/input.ts";
import type { JsonObject } from "../../engine/job/json.ts";
import { CodedError } from "../../runtime/coded-error.ts";
import { toCodedError } from "../../engine/store/database-error.ts";
import { toResult } from "./tool.ts";

const MISTAKE =
  "Something went wrong inside this service. Try again; if it keeps happening, contact support.";
const MISFIT = "The arguments don't fit the tool. Correct them, then call it again.";
const TOO_LARGE =
  "What this job was given and made is too large for an answer. list_jobs shows its status; a person can see its files in the console.";
const ANOTHER_KEY =
  "To start a new job, call again with another idempotency_key or none: with this one it is refused again.";
/** What most clients show of a longer list. */
const MAX_ISSUES = 20;
/** Of a path or a message, in which the caller's own names stand. */
const MAX_CHARACTERS = 1_000;

/** What a tool answers where it could not do what was asked. */
export function toErrorResult(error: unknown, log: Pick<BaseLogger, "error">): CallToolResult {
  return { ...toResult({ error: toDetails(error, log) }), isError: true };
}

/** What went wrong, with a code, and the next step. What nobody expected is logged, and becomes one sentence. */
export function toDetails(
  error: unknown,
  log: Pick<BaseLogger, "error">,
): JsonObject & { readonly message: string } {
  if (error instanceof ZodError)
    return { code: "BAD_USER_INPUT", message: MISFIT, issues: toIssues(error.issues) };
  if (error instanceof ExpectedError) return toOutcome(error);
  const coded = error instanceof CodedError ? error : toCodedError(error);
  if (coded === null) {
    log.error({ err: error }, "A request of an MCP client failed inside the gateway.");
    return { code: "INTERNAL_SERVER_ERROR", message: MISTAKE };
  }
  const { code, retryAfterSeconds = null, limit = null } = coded;
  const message = code === "ANSWER_TOO_LARGE" ? TOO_LARGE : coded.message;
  return { code, message, retry_after_seconds: retryAfterSeconds, limit };
}

/** Without a code of its own it is named as in GraphQL's results. */
function toOutcome(error: ExpectedError): JsonObject & { readonly message: string } {
  const { name, message } = error;
  if (error instanceof UpstreamError) {
    const { code, retryable, retryAfterSeconds } = error;
    return { code, message, retryable, retry_after_seconds: retryAfterSeconds };
  }
  const code = constantCase(name.replace(/Error$/, ""));
  if (error instanceof IdempotencyConflictError)
    return { code, message, next: ANOTHER_KEY, job_id: error.jobId };
  return {
    code,
    message,
    ...(error instanceof InvalidError && { issues: toIssues(error.issues) }),
  };
}

type Issue = { readonly path: readonly PropertyKey[]; readonly message: string };

/** Where among the tool's arguments, and what. */
export function toIssues(issues: readonly Issue[]): readonly JsonObject[] {
  return issues.slice(0, MAX_ISSUES).map(({ path, message }) => {
    // The services name arguments as GraphQL does; what is in an input has the deployment's names.
    const toName = path[0] === "input" ? String : (one: PropertyKey) => snakeCase(String(one));
    const where = toPathText(path.map((one) => (typeof one === "number" ? one : toName(one))));
    return { path: cut(where), message: cut(message) };
  });
}

function cut(text: string): string {
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
}
