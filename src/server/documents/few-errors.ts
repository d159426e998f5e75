import { GraphQLError, validate } from "graphql";
import type { Plugin } from "graphql-yoga";

const MOST_ERRORS = 20;
const LONGEST_MESSAGE = 1_000;

/** Tells the first errors of a document only, each in short: a small document can have a hundred that repeat it whole. */
export function createErrorLimit(): Plugin {
  return {
    onValidate({ setValidationFn }) {
      setValidationFn((schema, document, rules) =>
        validate(schema, document, rules, { maxErrors: MOST_ERRORS }).map(shorten),
      );
    },
  };
}

function shorten(error: GraphQLError): GraphQLError {
  const { message, nodes, extensions } = error;
  if (message.length <= LONGEST_MESSAGE) return error;
  return new GraphQLError(`${message.slice(0, LONGEST_MESSAGE)}…`, {
    nodes: nodes?.slice(0, MOST_ERRORS) ?? null,
    extensions,
  });
}
