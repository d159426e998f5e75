import { GraphQLError } from "graphql";
import type { GraphQLFormattedError } from "graphql";
import type { Logger } from "pino";

import { DatabaseAwayError, DatabaseBusyError } from "../store/database-error.ts";
import { withoutSuggestions } from "./documents/introspection.ts";

/**
 * Makes what turns any thrown thing into an error for clients: one that was meant for them keeps its words and gets a
 * code where it has none; a database that fails is told with when to try again; every other one is logged, and told as a
 * sentence that gives nothing away.
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
    const cause = findCause(error);
    if (cause instanceof DatabaseBusyError) return toMasked(error, BUSY);
    if (cause instanceof DatabaseAwayError) return toMasked(error, AWAY);
    log.error({ err: error }, "An operation failed inside the gateway.");
    return toMasked(error, MISTAKE);
  };
}

type Masked = {
  readonly message: string;
  readonly status: number;
  readonly extensions: { readonly code: string; readonly retryAfterSeconds?: number };
};

// That the database fails is told to the log by what tries again and again, once.
const BUSY: Masked = {
  message: "The database is busy. Try again in a second.",
  status: 503,
  extensions: { code: "UNAVAILABLE", retryAfterSeconds: 1 },
};
const AWAY: Masked = {
  message: "The database does not answer at the moment. Try again in a few seconds.",
  status: 503,
  extensions: { code: "UNAVAILABLE", retryAfterSeconds: 5 },
};
const MISTAKE: Masked = {
  message:
    "Something went wrong inside this service. Try again; if it keeps happening, contact support.",
  status: 500,
  extensions: { code: "INTERNAL_SERVER_ERROR" },
};

function toMasked(error: unknown, { message, status, extensions }: Masked): GraphQLError {
  const located = error instanceof GraphQLError ? error : null;
  return new GraphQLError(message, {
    nodes: located?.nodes ?? null,
    path: located?.path ?? null,
    // One field's failure leaves the answer a good one, which HTTP tells with a 200.
    extensions: { ...extensions, ...(located?.path === undefined && { http: { status } }) },
  });
}

/** What was thrown, without what GraphQL wrapped around it. */
function findCause(error: unknown): unknown {
  const wrapped = error instanceof GraphQLError ? error.originalError : undefined;
  return wrapped === undefined ? error : findCause(wrapped);
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
