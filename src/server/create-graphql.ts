import { GraphQLError } from "graphql";
import { createYoga, isAsyncIterable } from "graphql-yoga";
import type { Plugin } from "graphql-yoga";

import { LimitError } from "../job/errors.ts";
import { overLimit } from "../schema/coded-errors.ts";
import { createDocumentChecks } from "./documents/document-checks.ts";
import { createDocumentFinder } from "./documents/trusted-documents.ts";
import type { MaskError } from "./mask-error.ts";
import type { Slots } from "./owner-limits.ts";
import { createSlots } from "./owner-limits.ts";
import type { OperationOrigin, ServerOptions, ServerParts } from "./server-parts.ts";

/** GraphQL over HTTP, and what the WebSocket needs of the same. */
export function createGraphql(
  options: Pick<ServerOptions, "schema" | "createContext" | "doors" | "limits">,
  maskError: MaskError,
): ServerParts["graphql"] {
  const { schema, createContext, limits } = options;
  const { hasIntrospection, trustedDocuments } = options.doors;
  const most = limits.webSocket.subscriptions;
  return createYoga<OperationOrigin>({
    schema,
    context: ({ viewer, share }) => createContext({ viewer, share }),
    maskedErrors: { maskError },
    // `maskError` logs what goes wrong.
    logging: false,
    graphiql: false,
    landingPage: false,
    multipart: false,
    cors: false,
    // Yoga looks at the end of any URL, and no URL has a space.
    healthCheckEndpoint: " ",
    // Counted at node:http, which costs half as much as Yoga's own limit.
    maxRequestBodySize: false,
    // Yoga's own would keep the cost with one operation's variables.
    parserAndValidationCache: false,
    extraParamNames: trustedDocuments === null ? [] : ["documentId"],
    plugins: [
      ...(trustedDocuments === null ? [] : [createDocumentFinder(trustedDocuments)]),
      BATCHING_BAN,
      createDocumentChecks(schema, { ...limits.document, hasIntrospection }),
      createSubscriptionLimit(createSlots({ what: "subscriptions", most })),
      NOT_ACCEPTABLE,
    ],
  });
}

/** Each operation comes in a request of its own, so that each is counted. */
const BATCHING_BAN: Plugin = {
  onRequestParse: () => ({
    onRequestParseDone({ requestParserResult }) {
      if (!Array.isArray(requestParserResult)) return;
      throw new GraphQLError(
        "The body is a list, and batching is off. Send one operation in each request, as an object with `query`.",
        { extensions: { code: "BAD_REQUEST", http: { status: 400 } } },
      );
    },
  }),
};

/** Says in JSON that a result has no form the client accepts, and ends a stream that nobody will read. */
const NOT_ACCEPTABLE: Plugin = {
  async onResultProcess({ result, resultProcessor, setResultProcessor }) {
    if (resultProcessor !== undefined) return;
    const isStream = isAsyncIterable(result);
    if (isStream) await result[Symbol.asyncIterator]().return?.();
    const message = isStream
      ? "A subscription is answered as text/event-stream. Send that in accept."
      : "The header accept names no form that this result has. Send application/json.";
    const error = new GraphQLError(message, { extensions: { code: "NOT_ACCEPTABLE" } });
    const headers = { "content-type": "application/json; charset=utf-8" };
    setResultProcessor(
      (_result, { Response }) =>
        new Response(JSON.stringify({ errors: [error] }), { status: 406, headers }),
      "application/json",
    );
  },
};

/** Bounds the subscriptions that run, whichever way they came. */
function createSubscriptionLimit(slots: Slots): Plugin<OperationOrigin> {
  return {
    onSubscribe({ args: { contextValue }, setResultAndStopExecution }) {
      let leave: () => void;
      try {
        leave = slots.take(contextValue.viewer);
      } catch (error) {
        if (!(error instanceof LimitError)) throw error;
        return setResultAndStopExecution({ errors: [overLimit(error)] });
      }
      return {
        onSubscribeError: leave,
        onSubscribeResult({ result }) {
          if (!isAsyncIterable(result)) return leave();
          contextValue.onStream?.(() => {
            leave();
            // Nobody reads the stream of a client that has left, nor hears how it ends.
            void result.return?.()?.then(undefined, () => undefined);
          });
          return { onEnd: leave };
        },
      };
    },
  };
}
