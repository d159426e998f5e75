import type { ValueNode } from "graphql";
import { GraphQLError } from "graphql";

import type { DeploymentNotFoundError } from "../job/errors.ts";
import { BadCursorError, JobNotFoundError, LimitError } from "../job/errors.ts";
import { isTooSlow } from "../store/database-error.ts";

/** An argument can't be used; `message` names it, or `literal` tells where it is, and the next step. */
export function badUserInput(message: string, literal: ValueNode | null = null): GraphQLError {
  return new GraphQLError(message, { nodes: literal, extensions: { code: "BAD_USER_INPUT" } });
}

/** A field would make the answer too large; where it is nullable, the other fields are answered all the same. */
export function answerTooLarge(mostBytes: number): GraphQLError {
  return new GraphQLError(
    `The inputs, outputs and assets of this answer take more than ${mostBytes / 1_048_576} MiB. Ask for a shorter page (\`first\`), or for this job alone.`,
    { extensions: { code: "ANSWER_TOO_LARGE", limit: mostBytes } },
  );
}

/** The owner asks for more than the gateway allows; nothing was done. */
export function overLimit({ message, code, retryAfterSeconds, limit }: LimitError): GraphQLError {
  return new GraphQLError(message, { extensions: { code, retryAfterSeconds, limit } });
}

/** What was asked for is not there, or is somebody else's. */
export function notFound({ message }: JobNotFoundError | DeploymentNotFoundError): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "NOT_FOUND" } });
}

/** Gives an expected failure that no result union holds its code; every other error stays as it is. */
export function toCoded(error: unknown): unknown {
  if (error instanceof LimitError) return overLimit(error);
  if (error instanceof BadCursorError) return badUserInput(error.message);
  if (error instanceof JobNotFoundError) return notFound(error);
  if (!isTooSlow(error)) return error;
  return new GraphQLError(
    "Reading this took too long and was stopped. Ask for a shorter page, or narrow the filter.",
    { extensions: { code: "READ_TOO_SLOW" } },
  );
}
