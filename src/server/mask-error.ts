import { GraphQLError } from "graphql";
import type { GraphQLFormattedError } from "graphql";
import type { Logger } from "pino";

import { withoutSuggestions } from "./documents/introspection.ts";

/**
 * Makes what turns any thrown thing into an error for clients: one that was meant for them keeps its words and gets a
 * code where it has none; every other one is logged, and told as a sentence that gives nothing away.
 */
export function createMaskError(options: {
  readonly log: Logger;
  /** Whether errors may guess what was meant, and so tell the schema. */
  readonly hasSuggestions: boolean;
}): (error: unknown) => GraphQLError {
  const { log, hasSuggestions } = options;
  return (error) => {
    if (isMeantForClients(error))
      return withCode(
        error,
        "BAD_USER_INPUT",
        hasSuggestions ? error.message : withoutSuggestions(error.message),
      );
    log.error({ err: error }, "An operation failed inside the gateway.");
    const located = error instanceof GraphQLError ? error : null;
    return new GraphQLError(
      "Something went wrong inside this service. Try again; if it keeps happening, contact support.",
      {
        nodes: located?.nodes ?? null,
        path: located?.path ?? null,
        extensions: {
          code: "INTERNAL_SERVER_ERROR",
          // One field's failure leaves the answer a good one, which HTTP tells with a 200.
          ...(located?.path === undefined && { http: { status: 500 } }),
        },
      },
    );
  };
}

/** The same error with `code` as its `extensions.code` unless it has one, and without what it was made from. */
export function withCode(error: GraphQLError, code: string, message = error.message): GraphQLError {
  const { nodes, source, positions, path } = error;
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    extensions: { code, ...error.extensions },
  });
}

/** What a client gets to see of an error where Yoga does not write it: without what is only for HTTP. */
export function toFormattedError(error: GraphQLError): GraphQLFormattedError {
  const formatted = withCode(error, "BAD_REQUEST").toJSON();
  const { http: _, ...extensions } = formatted.extensions ?? {};
  return { ...formatted, extensions };
}

/** Whoever gives an error a code wants it seen; so does GraphQL with an error of its own that wraps no other. */
function isMeantForClients(error: unknown): error is GraphQLError {
  if (!(error instanceof GraphQLError)) return false;
  if (typeof error.extensions["code"] === "string") return true;
  return error.originalError === undefined || isMeantForClients(error.originalError);
}
