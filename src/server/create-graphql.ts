import type { GraphQLSchema } from "graphql";
import { createYoga, useReadinessCheck } from "graphql-yoga";
import type { Logger } from "pino";

import { createBracketLimit } from "./bracket-limit.ts";
import { createDocumentCache } from "./document-cache.ts";
import { createDocumentLimits } from "./document-limits.ts";
import { createLargeFieldLimit } from "./large-fields.ts";
import type { createMaskError } from "./mask-error.ts";
import { createNotAcceptable } from "./not-acceptable.ts";

/** GraphQL, `/health` and `/ready` over HTTP, and what the WebSocket needs of the same. */
export type GraphqlHandler = ReturnType<typeof createGraphql>;

export function createGraphql(options: {
  readonly schema: GraphQLSchema;
  /** Makes the resolvers' context, once for each operation, with its variables as they were sent. */
  readonly createContext: (variables: Readonly<Record<string, unknown>>) => object;
  /** Rejects unless the database answers. */
  readonly checkDatabase: () => Promise<void>;
  readonly maskError: ReturnType<typeof createMaskError>;
  readonly log: Logger;
}) {
  const { schema, createContext, checkDatabase, maskError, log } = options;
  return createYoga({
    schema,
    context: ({ params }) => createContext(params?.variables ?? {}),
    maskedErrors: { maskError },
    // What goes wrong is logged where it is masked.
    logging: false,
    graphiql: false,
    landingPage: false,
    multipart: false,
    cors: { origin: "*", methods: ["GET", "POST", "OPTIONS"] },
    // Counted at node:http, which costs half as much as Yoga's own limit.
    maxRequestBodySize: false,
    parserAndValidationCache: { documentCache: createDocumentCache(), errorCache: NO_CACHE },
    plugins: [
      ...createDocumentLimits(),
      createBracketLimit(),
      createLargeFieldLimit(),
      createNotAcceptable(),
      useReadinessCheck({
        check: async () => {
          try {
            await checkDatabase();
          } catch (error) {
            log.warn({ err: error }, "The database does not answer, so the gateway is not ready.");
            throw new Error(
              "The database does not answer. Check that it runs; the gateway connects again by itself.",
              { cause: error },
            );
          }
        },
      }),
    ],
  });
}

const NO_CACHE = { get: () => undefined, set: () => undefined };
