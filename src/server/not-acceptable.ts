import { GraphQLError } from "graphql";
import { isAsyncIterable } from "graphql-yoga";
import type { Plugin } from "graphql-yoga";

/** Says in JSON that a result can't be had in the form that was asked for, and ends a stream that nobody will read. */
export function createNotAcceptable(): Plugin {
  return {
    async onResultProcess({ result, resultProcessor, setResultProcessor }) {
      if (resultProcessor !== undefined) return;
      if (isAsyncIterable(result)) await result[Symbol.asyncIterator]().return?.();
      setResultProcessor(
        (_result, fetchAPI) =>
          new fetchAPI.Response(JSON.stringify({ errors: [notAcceptable()] }), {
            status: 406,
            headers: { "content-type": "application/json; charset=utf-8" },
          }),
        "application/json",
      );
    },
  };
}

function notAcceptable(): GraphQLError {
  return new GraphQLError(
    "This result comes in no type that the accept header names. Send application/json, or text/event-stream for a subscription.",
    { extensions: { code: "NOT_ACCEPTABLE" } },
  );
}
