import type { IncomingMessage, ServerResponse } from "node:http";

import type { Admission } from "../../auth/authenticator.ts";
import { whenOver } from "../../runtime/when-over.ts";
import type { OperationOrigin } from "../operations/create-operations.ts";
import { countAnswer } from "./count-answer.ts";
import { answerPlainPost } from "./plain-post.ts";
import { isTooDeep, readBody, TOO_DEEP } from "./read-request.ts";
import { badRequest } from "./refuse.ts";
import type { ServerParts } from "./server-parts.ts";

/** Answers one request; `mustAsk` when the client waits to be asked for its body. */
export type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  mustAsk: boolean,
) => Promise<void>;

/** Makes what runs a request's operation of GraphQL, once its headers are checked. */
export function createOperationAnswer(parts: ServerParts): Answer {
  const { credentials, sessions, rates, connections, memory, operations } = parts;
  const largestBodyBytes = parts.limits.http.bodyBytes;

  return async (request, response, mustAsk) => {
    const cookie = request.method === "POST" ? credentials.findCookie(request) : undefined;
    const admission = await credentials.admit(request.headers.authorization, cookie);
    rates.take(admission.viewer);
    if (mustAsk) response.writeContinue();
    const origin = toOrigin(request, response, admission);
    if (request.method === "POST") {
      const body = await readBody(request, largestBodyBytes, memory.bodies);
      const { accept } = request.headers;
      if (isTooDeep(body)) throw badRequest(`The body ${TOO_DEEP}`);
      const { answers } = memory;
      if (await answerPlainPost({ operations, answers, body, accept, origin, response })) return;
      // Yoga knows one spelling of the type.
      request.headers["content-type"] = "application/json";
      Object.assign(request, { body });
    }
    await operations.yoga(request, response, origin);
    countAnswer(memory.answers, response, response.writableLength);
  };

  function toOrigin(
    request: IncomingMessage,
    response: ServerResponse,
    admission: Admission,
  ): OperationOrigin {
    return {
      viewer: admission.viewer,
      traceparent: request.headers["traceparent"],
      whenOver: (act) => whenOver(response, act),
      onStream(end) {
        whenOver(response, end);
        if (response.closed) return;
        connections.markStream(response);
        // An answer still goes out, but a stream would go on for long.
        whenOver(
          response,
          sessions.enter(admission, () => response.destroy()),
        );
      },
    };
  }
}
