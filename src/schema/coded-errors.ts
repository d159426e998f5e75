import { GraphQLError } from "graphql";

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
