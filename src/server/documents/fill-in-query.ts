import { z } from "zod";

/** A subscribe of graphql-ws that names a listed document. */
const SUBSCRIBE = z.looseObject({
  type: z.literal("subscribe"),
  payload: z
    .looseObject({ query: z.undefined().optional() })
    .refine(({ documentId, extensions }) => documentId !== undefined || extensions !== undefined),
});

/** The same message, with an empty query where it names a document instead: graphql-ws closes the socket of one without. */
export function fillInQuery(text: string): string {
  try {
    const { data: message } = SUBSCRIBE.safeParse(JSON.parse(text));
    if (message === undefined) return text;
    return JSON.stringify({ ...message, payload: { ...message.payload, query: "" } });
  } catch {
    return text; // No JSON, or too deep for it: graphql-ws says so.
  }
}
