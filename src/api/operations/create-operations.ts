import type { ExecutionArgs, GraphQLSchema } from "graphql";
import { getOperationAST, GraphQLError } from "graphql";
import { createYoga, isAsyncIterable } from "graphql-yoga";
import type { Plugin } from "graphql-yoga";
import type { BaseLogger } from "pino";

import type { Viewer } from "../../auth/viewer.ts";
import type { Channels } from "../../engine/diagnostics/channels.ts";
import { CodedError } from "../../runtime/coded-error.ts";
import { Stream } from "../../runtime/stream.ts";
import { createQueryCompiler } from "./compile-queries.ts";
import type { DocumentLimits } from "./document-checks.ts";
import { createDocumentChecks } from "./document-checks.ts";
import type { MaskError } from "./mask-error.ts";
import { withCode } from "./mask-error.ts";
import { createSlots } from "./owner-limits.ts";
import { createRunner, publish } from "./publish-operations.ts";
import { createSubscribe } from "./subscribe.ts";
import type { TrustedDocuments } from "./trusted-documents.ts";
import { createDocumentFinder } from "./trusted-documents.ts";

/** What an operation comes with, over HTTP or a socket. */
export type OperationOrigin = {
  readonly viewer: Viewer;
  /** Calls it once the answer has left or never will, at once if that is so already. */
  readonly whenOver: (act: () => void) => void;
  /**
   * Called when the answer becomes a stream, which may outlive the credential; `end` ends the stream once the client has
   * left, which it may have done already.
   */
  readonly onStream?: (end: () => void) => void;
  /** The caller's span, as W3C Trace Context writes it, or whatever came in its place. */
  readonly traceparent?: unknown;
};

/** What a client asks for. */
export type OperationParams = {
  readonly query?: unknown;
  readonly documentId?: unknown;
  readonly extensions?: unknown;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
};

export type Operations = ReturnType<typeof createOperations>;

/** Runs operations, by the plugins of Yoga whichever way they come. A document that was validated is kept. */
export function createOperations(options: {
  readonly schema: GraphQLSchema;
  /** Makes the resolvers' context, once for each operation. */
  readonly createContext: (origin: OperationOrigin) => object;
  readonly limits: DocumentLimits & { readonly subscriptions: number };
  readonly hasIntrospection: boolean;
  /** Null runs every document. */
  readonly trustedDocuments: TrustedDocuments | null;
  readonly maskError: MaskError;
  readonly channels: Channels;
  readonly log: Pick<BaseLogger, "debug">;
}) {
  const { schema, createContext, limits, hasIntrospection, trustedDocuments, maskError } = options;
  const documents = createDocumentChecks(schema, {
    ...limits,
    hasIntrospection,
    areTrusted: trustedDocuments !== null,
  });
  const { channels } = options;
  const { operation } = channels;
  const slots = createSlots({ what: "subscriptions", most: limits.subscriptions, channels });
  const begin = createSubscribe({ slots, maskError, channels });
  const subscribe: typeof begin = (args) =>
    operation.hasSubscribers ? publish(operation, args, () => begin(args)) : begin(args);
  const yoga = createYoga<OperationOrigin>({
    schema,
    context: createContext,
    maskedErrors: { maskError },
    // `maskError` logs what goes wrong.
    logging: false,
    graphiql: false,
    landingPage: false,
    multipart: false,
    cors: false,
    // Yoga checks the end of any URL, and no URL has a space.
    healthCheckEndpoint: " ",
    // Counted at node:http, which costs half as much as Yoga's own limit.
    maxRequestBodySize: false,
    // Yoga's own would keep the cost with one operation's variables.
    parserAndValidationCache: false,
    extraParamNames: trustedDocuments === null ? [] : ["documentId"],
    plugins: [
      ...(trustedDocuments === null ? [] : [createDocumentFinder(trustedDocuments)]),
      documents.plugin,
      createSubscriptionRunner(subscribe),
      createQueryCompiler({ schema, log: options.log }),
      NOT_ACCEPTABLE,
      createRunner(operation),
    ],
  });
  // Each operation brings its own context.
  const { execute } = yoga.getEnveloped();

  return {
    /** Answers requests of every form. */
    yoga,
    execute,
    subscribe,
    countSubscriptions: slots.count,
    /** Whether documents are named by ids. */
    takesIds: trustedDocuments !== null,
    /** What it takes to run an operation, or why it is not run; may throw what `maskError` takes. */
    prepare(
      params: OperationParams,
      origin: OperationOrigin,
    ): ExecutionArgs | readonly GraphQLError[] {
      const { operationName, variables } = params;
      const query = trustedDocuments?.find(params) ?? String(params.query);
      if (query instanceof GraphQLError) return [query];
      const document = documents.check(query, params);
      if (!("kind" in document))
        return document.map((error) => maskError(withCode(error, "GRAPHQL_VALIDATION_FAILED")));
      if (!getOperationAST(document, operationName)) return [maskError(NO_OPERATION)];
      const { viewer, traceparent } = origin;
      return {
        schema,
        document,
        operationName: operationName ?? null,
        variableValues: variables ?? null,
        contextValue: Object.assign(createContext(origin), { viewer, traceparent }),
      };
    },
  };
}

const NO_OPERATION = new CodedError(
  "OPERATION_RESOLUTION_FAILURE",
  "Could not determine what operation to execute. Set operationName to one that the document has.",
);

/** Says in JSON that a result has no form the client accepts, and ends a stream that nobody will read. */
const NOT_ACCEPTABLE: Plugin = {
  async onResultProcess({ result, resultProcessor, setResultProcessor }) {
    if (resultProcessor !== undefined) return;
    const isStream = isAsyncIterable(result);
    if (isStream) await result[Symbol.asyncIterator]().return?.();
    const message = isStream
      ? "A subscription is answered as text/event-stream. Send that in accept."
      : "The header accept names no form that this result has. Send application/json.";
    const error = new CodedError("NOT_ACCEPTABLE", message);
    const headers = { "content-type": "application/json; charset=utf-8" };
    setResultProcessor(
      (_result, { Response }) =>
        new Response(JSON.stringify({ errors: [error] }), { status: error.status, headers }),
      "application/json",
    );
  },
};

/** Runs the subscriptions of event streams. */
function createSubscriptionRunner(
  subscribe: ReturnType<typeof createSubscribe>,
): Plugin<OperationOrigin> {
  return {
    onSubscribe({ args: { contextValue }, setSubscribeFn }) {
      setSubscribeFn(async (args: ExecutionArgs) => {
        const result = await subscribe(args);
        // Once the client has left, nobody reads its stream or learns how it ends.
        if (result instanceof Stream) contextValue.onStream?.(() => result.end());
        return result;
      });
    },
  };
}
