import type { CallToolResult } from "@modelcontextprotocol/server";
import { snakeCase } from "change-case";
import type { BaseLogger } from "pino";
import { ZodError } from "zod";

import type { InputIssue } from "../job/input.ts";
import { toPathText } from "../job/input.ts";
import {
  ExpectedError,
  IdempotencyConflictError,
  InvalidInputError,
  InvalidUploadError,
  JobNotCancellableError,
  UpstreamError,
} from "../job/errors.ts";
import type { JsonObject } from "../job/json.ts";
import { CodedError } from "../runtime/coded-error.ts";
import { toCodedError } from "../store/database-error.ts";
import { toResult } from "./tool.ts";

const MISTAKE =
  "Something went wrong inside this service. Try again; if it keeps happening, contact support.";
/** What most clients show of a longer list. */
const MAX_ISSUES = 20;

/** What a tool answers where it could not do what was asked; what nobody expected is logged, and told as one sentence. */
export function toErrorResult(error: unknown, log: Pick<BaseLogger, "error">): CallToolResult {
  const told = tellExpected(error);
  if (told === null) log.error({ err: error }, "A tool failed inside the gateway.");
  const details = told ?? { code: "INTERNAL_SERVER_ERROR", message: MISTAKE };
  return { ...toResult({ error: details }), isError: true };
}

/** What a client is told where there is no result to tell it in. */
export function toErrorText(error: unknown, log: Pick<BaseLogger, "error">): string {
  const told = toCoded(error);
  if (told !== null) return told.message;
  log.error({ err: error }, "A request of an MCP client failed inside the gateway.");
  return MISTAKE;
}

function tellExpected(error: unknown): JsonObject | null {
  if (error instanceof ZodError) return tellMisfit(error);
  if (error instanceof ExpectedError) return tellOutcome(error);
  const coded = toCoded(error);
  if (coded === null) return null;
  const { code, retryAfterSeconds = null, limit = null } = coded;
  const message = code === "ANSWER_TOO_LARGE" ? TOO_LARGE : coded.message;
  return { code, message, retry_after_seconds: retryAfterSeconds, limit };
}

const TOO_LARGE =
  "What this job was given and made is too large for an answer. list_jobs tells its status; a person can see its files in the console.";

function toCoded(error: unknown): CodedError | null {
  return error instanceof CodedError ? error : toCodedError(error);
}

function tellMisfit({ issues }: ZodError): JsonObject {
  const told = issues.slice(0, MAX_ISSUES).map(({ path, message }) => ({
    path: path.map((one) => (typeof one === "symbol" ? String(one) : one)),
    message,
  }));
  const message = "The arguments don't fit the tool. Correct them, then call it again.";
  return { code: "BAD_USER_INPUT", message, issues: tellIssues(told) };
}

function tellOutcome(error: ExpectedError): JsonObject {
  const { message } = error;
  if (error instanceof UpstreamError)
    return {
      code: error.code,
      message,
      retryable: error.retryable,
      retry_after_seconds: error.retryAfterSeconds,
      job_id: error.unconfirmedJob?.id ?? null,
    };
  if (error instanceof InvalidInputError || error instanceof InvalidUploadError)
    return { code: "INVALID_INPUT", message, issues: tellIssues(error.issues) };
  if (error instanceof IdempotencyConflictError)
    return { code: "IDEMPOTENCY_CONFLICT", message, next: ANOTHER_KEY, job_id: error.jobId };
  if (error instanceof JobNotCancellableError)
    return { code: "NOT_CANCELLABLE", message, status: error.job.status };
  return { code: "REFUSED", message };
}

const ANOTHER_KEY =
  "To start a new job, call again with another idempotency_key or none: with this one it is refused again.";

/** Where among the tool's arguments, and what. */
export function tellIssues(issues: readonly InputIssue[]): readonly JsonObject[] {
  return issues.map(({ path, message }) => {
    // The services name arguments as GraphQL does.
    const named = path.map((one, index) =>
      index === 0 && typeof one === "string" ? snakeCase(one) : one,
    );
    return { path: toPathText(named), message };
  });
}
