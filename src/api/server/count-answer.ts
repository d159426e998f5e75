import type { ServerResponse } from "node:http";

import type { ByteLimit } from "../../runtime/byte-limit.ts";
import { whenOver } from "../../runtime/when-over.ts";

/** So that small answers are given even where large ones fill the memory. */
export const MAX_UNCOUNTED_BYTES = 16_384;

/** Counts the bytes of an answer until it has left, or its client. Throws a `LimitError` where there is no room. */
export function countAnswer(answers: ByteLimit, response: ServerResponse, bytes: number): void {
  if (bytes > MAX_UNCOUNTED_BYTES) whenOver(response, answers.take(bytes));
}
