import { GraphQLError } from "graphql";
import type { GraphQLFormattedError } from "graphql";
import type { Logger } from "pino";

import { CodedError, LimitError } from "../../runtime/coded-error.ts";
import { toCodedError } from "../../engine/store/database-error.ts";

/** Turns anything that was thrown into an error for clients. */
export type MaskError = (error: unknown) => GraphQLError;

/**
 * An error that is meant for clients keeps its words, and gets a code where it has none. A database that fails says when
 * to try again. Every other error is logged, and answered with a sentence that reveals nothing.
 */
export function createMaskError(options: {
  readonly log: Logger;
  /** Whether errors may guess what was meant, and so reveal the schema. */
  readonly hasSuggestions: boolean;
}): MaskError {
  const { log, hasSuggestions } = options;
  return (error) => {
    if (isMeantForClients(error)) {
      const { message } = error;
      const bare = hasSuggestions ? message : message.replaceAll(/ Did you mean [^?]*\?/g, "");
      const step = NEXT_STEPS.find(([words]) => words.test(message))?.[1] ?? "";
      return withCode(error, "BAD_USER_INPUT", `${bare} ${step}`.trimEnd());
    }
    const coded = findCoded(error);
    // Whatever keeps trying has logged that the database fails.
    if (coded !== null) return toGraphQLError(coded, error);
    log.error({ err: error }, "An operation failed inside the gateway.");
    return toGraphQLError(new CodedError("INTERNAL_SERVER_ERROR", MISTAKE), error);
  };
}

/** The code of an error that a client gets. */
export function toCode(error: GraphQLError): string {
  const { code } = error.extensions;
  if (typeof code === "string") return code;
  if (isMeantForClients(error)) return "BAD_USER_INPUT";
  return findCoded(error)?.code ?? "INTERNAL_SERVER_ERROR";
}

function findCoded(error: unknown): CodedError | null {
  const cause = findCause(error);
  return cause instanceof CodedError ? cause : toCodedError(cause);
}

/** What to do about what Yoga refuses in words that don't say so. */
const NEXT_STEPS: readonly (readonly [RegExp, string])[] = [
  [
    /^(Must provide query|POST body |Expected "\w+" param |Unexpected parameter )/,
    "Send a JSON object with `query`, and perhaps `variables` (an object), `operationName` and `extensions`.",
  ],
  [/^Batching is not supported/, "Send one operation in each request, as an object with `query`."],
  [/^Could not determine what operation /, "Set operationName to one that the document has."],
  [/^Can only perform a mutation operation /, "Send it by POST."],
];

const MISTAKE =
  "Something went wrong inside this service. Try again; if it keeps happening, contact support.";

/** The same for GraphQL, with the location and path of `thrown` if that is a `GraphQLError`. */
export function toGraphQLError(coded: CodedError, thrown?: unknown): GraphQLError {
  const { nodes = null, path = null } = thrown instanceof GraphQLError ? thrown : {};
  // The failure of one field leaves a good answer, and what a limit says is for users: so a 200.
  const isWholeAnswer = path === null && !(coded instanceof LimitError);
  const { message, code, status, extensions } = coded;
  // For a document that is not run, a client that knows only application/json expects a 200, too.
  const http = isWholeAnswer && { http: { status, spec: code.startsWith("DOCUMENT_") } };
  return new GraphQLError(message, { nodes, path, extensions: { ...extensions, ...http } });
}

/** What was thrown, without what GraphQL wrapped around it. */
export function findCause(error: unknown): unknown {
  const wrapped = error instanceof GraphQLError ? error.originalError : undefined;
  return wrapped === undefined ? error : findCause(wrapped);
}

/** The same error with `code` as its `extensions.code` unless it has one, and without what it was made from. */
export function withCode(error: GraphQLError, code: string, message = error.message): GraphQLError {
  const { nodes = null, source = null, positions = null, path = null } = error;
  const extensions = { code, ...error.extensions };
  return new GraphQLError(message, { nodes, source, positions, path, extensions });
}

/** What a socket's client sees of an error: all but what is for HTTP. */
export function toFormattedError(error: GraphQLError): GraphQLFormattedError {
  const formatted = withCode(error, "BAD_REQUEST").toJSON();
  const { http: _, ...extensions } = formatted.extensions ?? {};
  return { ...formatted, extensions };
}

/** Errors with a code are meant to be seen, and so are GraphQL's own, which wrap no other. */
function isMeantForClients(error: unknown): error is GraphQLError {
  if (!(error instanceof GraphQLError)) return false;
  if (typeof error.extensions["code"] === "string") return true;
  return error.originalError === undefined || isMeantForClients(error.originalError);
}
