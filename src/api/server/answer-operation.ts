import type { IncomingMessage, ServerResponse } from "node:http";

import type { Admission } from "../../auth/authenticator.ts";
import { clock } from "../../runtime/environment.ts";
import type { Reservation } from "../../runtime/memory-budget.ts";
import { whenOver } from "../../runtime/when-over.ts";
import type { OperationOrigin } from "../operations/create-operations.ts";
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
    const { ownerId } = admission.viewer;
    rates.take(admission.viewer);
    if (mustAsk) response.writeContinue();
    const cut = (): void => void response.destroy();
    const share = memory.open(ownerId, cut, (act) => whenSent(response, act));
    whenOver(response, () => share.close());
    const origin = toOrigin(request, response, { admission, share });
    let bodyBytes = 0;
    if (request.method === "POST") {
      const body = await readBody(request, largestBodyBytes, share);
      const { accept } = request.headers;
      if (isTooDeep(body)) throw badRequest(`The body ${TOO_DEEP}`);
      if (await answerPlainPost({ operations, body, accept, origin, response }))
        return share.charge(response.writableLength);
      // Yoga knows one spelling of the type.
      request.headers["content-type"] = "application/json";
      Object.assign(request, { body });
      bodyBytes = body.length;
    }
    await operations.yoga(request, response, origin);
    // A stream keeps the variables that it came with.
    return share.charge(bodyBytes + response.writableLength);
  };

  function toOrigin(
    request: IncomingMessage,
    response: ServerResponse,
    { admission, share }: { admission: Admission; share: Reservation },
  ): OperationOrigin {
    return {
      viewer: admission.viewer,
      traceparent: request.headers["traceparent"],
      share,
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

/** An event is written a moment after the next one was asked for, and waits behind what has not been read. */
function whenSent(response: ServerResponse, act: () => void): void {
  clock.onNextTurn(() => {
    if (response.writableNeedDrain) response.once("drain", () => whenSent(response, act));
    else act();
  });
}
