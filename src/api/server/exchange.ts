import type { IncomingMessage, ServerResponse } from "node:http";

import { CodedError } from "../../runtime/coded-error.ts";
import { whenOver } from "../../runtime/when-over.ts";
import type { Exchange } from "./answers.ts";
import { countAnswer } from "./count-answer.ts";
import type { FileReaders } from "./file-readers.ts";
import { checkPost, isTooDeep, readBody, TOO_DEEP } from "./read-request.ts";
import { badRequest } from "./refuse.ts";
import type { ServerParts } from "./server-parts.ts";

/** Makes exchanges of what all requests share. */
export function createExchanges(parts: ServerParts, readers: FileReaders) {
  const { credentials, sessions, rates, origins, memory } = parts;
  const largestBodyBytes = parts.limits.http.bodyBytes;

  return (
    request: IncomingMessage,
    response: ServerResponse,
    { path, mustAsk }: { readonly path: string; readonly mustAsk: boolean },
  ): Exchange => ({
    request,
    response,
    path,
    readers,
    allowPage: (methods, moreHeaders) => origins.answer(request, response, methods, moreHeaders),
    async receive(what, act) {
      // A page that may not read the answer may not ask either.
      if (origins.isForeign(request)) throw FOREIGN;
      checkPost(request, what, "POST, OPTIONS");
      const admission = await credentials.admit(request.headers.authorization);
      const { viewer } = admission;
      rates.take(viewer);
      if (mustAsk) response.writeContinue();
      const body = await readBody(request, largestBodyBytes, memory.bodies);
      // What waits ends with its credential.
      whenOver(
        response,
        sessions.enter(admission, () => response.destroy()),
      );
      if (isTooDeep(body)) throw badRequest(`The body ${TOO_DEEP}`);
      await act({ body, viewer });
      countAnswer(memory.answers, response, response.writableLength);
    },
  });
}

const FOREIGN = new CodedError(
  "FORBIDDEN",
  "This page's origin may not call the gateway. If it is yours, add the origin to CORS_ORIGINS.",
);
