import { GraphQLError } from "graphql";

/** Which limit on documents is passed. */
type DocumentErrorCode = "DOCUMENT_TOO_LARGE" | "DOCUMENT_TOO_COSTLY";

/** A document that asks for more than it may; `message` says the limit and what to do. */
export function documentError(
  code: DocumentErrorCode,
  limit: number,
  message: string,
): GraphQLError {
  // As for every other document that is not run: 400, but 200 for a client that knows only application/json.
  return new GraphQLError(message, {
    extensions: { code, limit, http: { status: 400, spec: true } },
  });
}
