import { GraphQLError } from "graphql";

import type { LimitError } from "../job/limit-error.ts";

/** An argument can't be used; `message` names it and the next step. */
export function badUserInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT" } });
}

/** What an operation is about does not exist, and no null can say so. */
export function notFound(error: Error): GraphQLError {
  return new GraphQLError(error.message, {
    originalError: error,
    extensions: { code: "NOT_FOUND" },
  });
}

/**
 * A field would make the answer larger than this. Where it may be null the others are answered all the same; without
 * `input` or `assets` there is no answer.
 */
export function answerTooLarge(mostBytes: number): GraphQLError {
  return new GraphQLError(
    `The inputs and outputs of this answer take more than ${mostBytes / 1_048_576} MiB. Ask for a shorter page (\`first\`), or for this job alone.`,
    { extensions: { code: "ANSWER_TOO_LARGE", limit: mostBytes } },
  );
}

/** The database gave a read up. */
export function tooSlow(): GraphQLError {
  return new GraphQLError(
    "Reading this took too long, so it was given up. Ask for a shorter page, or narrow the filter.",
    { extensions: { code: "READ_TOO_SLOW" } },
  );
}

/** The owner asks for more than the gateway gives it; nothing was done. */
export function overLimit(error: LimitError): GraphQLError {
  const { message, code, retryAfterSeconds, limit } = error;
  return new GraphQLError(message, { extensions: { code, retryAfterSeconds, limit } });
}
