import { pipeline } from "node:stream/promises";

import type { Exchange } from "../../api/server/answers.ts";
import { CodedError } from "../../runtime/coded-error.ts";
import { clock } from "../../runtime/environment.ts";
import { whenOver } from "../../runtime/when-over.ts";
import type { Downloads } from "./downloads.ts";
import { toDay } from "./downloads.ts";

/** Answers with a ZIP; rejects where there is nothing to send. */
export async function answerDownload(
  downloads: Pick<Downloads, "claim">,
  { request, response, readers }: Exchange,
  id: string,
): Promise<void> {
  if (request.method !== "GET") throw NOT_ALLOWED;
  await readers.answer(response, async () => {
    await using claim = await downloads.claim(id);
    if (claim === null) throw NOT_FOUND;
    const over = new AbortController();
    whenOver(response, () => over.abort());
    const chunks = await claim.read(over.signal);
    response.writeHead(200, {
      ...readers.headers,
      "content-type": "application/zip",
      "content-disposition": `attachment; filename="runcomfy-${toDay(new Date(clock.now()))}.zip"`,
    });
    // Its length is unknown, so only the missing end shows that it broke off.
    await pipeline(chunks, response);
  });
}

const NOT_ALLOWED = new CodedError("METHOD_NOT_ALLOWED", "A download can only be read. Send GET.", {
  headers: { allow: "GET" },
});
const NOT_FOUND = new CodedError(
  "NOT_FOUND",
  "Nothing is here, or the URL has expired. Ask GraphQL for a new one.",
);
