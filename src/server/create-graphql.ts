import { GraphQLError } from "graphql";
import type { GraphQLSchema } from "graphql";
import { createYoga } from "graphql-yoga";
import type { Plugin } from "graphql-yoga";

import type { Viewer } from "../auth/viewer.ts";
import { createDocumentCache } from "./documents/document-cache.ts";
import type { DocumentLimits } from "./documents/document-limits.ts";
import { createDocumentLimits } from "./documents/document-limits.ts";
import { createIntrospectionBan } from "./documents/introspection.ts";
import type { createMaskError } from "./mask-error.ts";
import { createBatchingBan } from "./documents/no-batching.ts";
import { createNotAcceptable } from "./not-acceptable.ts";
import type { Places } from "./places.ts";
import type { OperationOrigin } from "./operation-origin.ts";
import { createSubscriptionLimit } from "./subscription-limit.ts";
import type { TrustedDocuments } from "./documents/trusted-documents.ts";

/** GraphQL over HTTP, and what the WebSocket needs of the same. */
export type GraphqlHandler = ReturnType<typeof createGraphql>;

/** Makes the resolvers' context, once for each operation. */
export type CreateContext = (operation: {
  readonly viewer: Viewer;
  readonly share: OperationOrigin["share"];
}) => object;

export function createGraphql(options: {
  readonly schema: GraphQLSchema;
  readonly createContext: CreateContext;
  readonly maskError: ReturnType<typeof createMaskError>;
  readonly documentLimits: DocumentLimits;
  readonly hasIntrospection: boolean;
  readonly trustedDocuments: TrustedDocuments | null;
  readonly subscriptionPlaces: Places;
}) {
  const { schema, createContext, maskError, trustedDocuments } = options;
  return createYoga<OperationOrigin>({
    schema,
    context: ({ viewer, share }) => createContext({ viewer, share }),
    maskedErrors: { maskError },
    // What goes wrong is logged where it is masked.
    logging: false,
    graphiql: false,
    landingPage: false,
    multipart: false,
    cors: false,
    // Yoga looks at the end of any URL, and no URL has a space.
    healthCheckEndpoint: " ",
    // Counted at node:http, which costs half as much as Yoga's own limit.
    maxRequestBodySize: false,
    // Yoga's own keeps refused documents too.
    parserAndValidationCache: false,
    extraParamNames: trustedDocuments === null ? [] : ["documentId"],
    plugins: [
      ...(trustedDocuments === null ? [] : [createDocumentFinder(trustedDocuments)]),
      createBatchingBan(),
      ...createDocumentLimits(options.documentLimits),
      ...(options.hasIntrospection ? [] : [createIntrospectionBan()]),
      createDocumentCache(),
      createSubscriptionLimit(options.subscriptionPlaces),
      createNotAcceptable(),
    ],
  });
}

function createDocumentFinder(documents: TrustedDocuments): Plugin {
  return {
    onParams({ params, setParams, request }) {
      // What is no object is refused further on.
      if (typeof params !== "object" || params === null) return;
      // Yoga reads no more of a URL than it knows.
      const parameters =
        request.method === "GET" ? URL.parse(request.url)?.searchParams : undefined;
      const query = documents.find({ documentId: parameters?.get("documentId"), ...params });
      if (query instanceof GraphQLError) throw query;
      setParams({ ...params, query });
    },
  };
}
