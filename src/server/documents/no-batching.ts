import { GraphQLError } from "graphql";
import type { Plugin } from "graphql-yoga";

/** Refuses a body that is a list: each operation comes in a request of its own, so that each is counted. */
export function createBatchingBan(): Plugin {
  return {
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
}
