import type { IncomingMessage, ServerResponse } from "node:http";

import type { Admission, Authenticator } from "../auth/authenticator.ts";
import type { Sessions } from "../auth/sessions.ts";
import type { Backlog, BacklogShare } from "../schema/backlog.ts";
import { admitRequest } from "./admit.ts";
import { checkHeaders, checkOperation } from "./check-request.ts";
import type { Connections } from "./connections.ts";
import type { GraphqlHandler } from "./create-graphql.ts";
import { answerOrigin } from "./cross-origin.ts";
import { wantsPage } from "./graphiql-page.ts";
import type { Origins } from "./origins.ts";
import { dropBody, isSurelySmall, readBody } from "./read-body.ts";
import type { Readiness } from "./readiness.ts";
import type { Refusal } from "./refuse.ts";
import { toRefusal, writeRefusal } from "./refuse.ts";
import type { RequestRates } from "./request-rates.ts";
import { setSecurityHeaders } from "./security-headers.ts";

/** Answers one request; `mustAsk` when the client sends its body only once it is asked to. */
export type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  mustAsk: boolean,
) => Promise<void>;

/** Everything that a request passes, from its first line to GraphQL. */
export function createAnswer(options: {
  readonly path: string;
  readonly largestBodyBytes: number;
  readonly authenticate: Authenticator["authenticate"];
  readonly sessions: Sessions;
  readonly rates: RequestRates;
  readonly origins: Origins;
  readonly connections: Connections;
  readonly backlog: Backlog;
  readonly graphql: GraphqlHandler;
  /** Null where browsers get no page. */
  readonly answerPage:
    | ((request: IncomingMessage, response: ServerResponse) => Promise<void>)
    | null;
  readonly readiness: Readiness;
}): Answer {
  const { path: graphqlPath, largestBodyBytes, answerPage, origins } = options;

  return async (request, response, mustAsk) => {
    setSecurityHeaders(response);
    const [path = "", parameters = ""] = (request.url ?? "").split(/\?(.*)/s);
    const refusal = checkHeaders(request) ?? origins.checkName(request);
    if (refusal !== null) return await refuse(refusal);
    if (path === "/health") return sendText(response, 200, "The gateway runs.\n");
    if (path === "/ready") {
      const { status, text } = await options.readiness();
      return sendText(response, status, text);
    }
    if (path === "/" && answerPage !== null)
      return void response.writeHead(302, { location: graphqlPath }).end();
    if (path !== graphqlPath) return await refuse(notFound(graphqlPath));
    if (answerOrigin(request, response, origins)) return undefined;
    if (wantsPage(request))
      return await (answerPage === null ? refuse(NO_PAGE) : answerPage(request, response));
    return await answerOperation(parameters);

    async function answerOperation(operation: string): Promise<void> {
      const unfit = checkOperation(request, operation);
      if (unfit !== null) return await refuse(unfit);
      const admission = await admitRequest(options.authenticate, request.headers.authorization);
      if (!("viewer" in admission)) return await refuse(admission);
      const limit = await options.rates.take(admission.viewer);
      if (limit !== null) return await refuse(toRefusal(limit, 429));
      if (mustAsk) response.writeContinue();
      const share = options.backlog.open(admission.viewer.ownerId, () => response.destroy());
      whenOver(share.close);
      if (request.method === "POST") {
        const body = await readBody(request, largestBodyBytes, share.hold);
        if (body === null) return await refuse(tooLarge(largestBodyBytes));
        // It is JSON however it was spelt, and Yoga knows one spelling.
        request.headers["content-type"] = "application/json";
        Object.assign(request, { body });
      }
      await options.graphql(request, response, toOrigin(admission, share));
      share.hold(response.writableLength);
    }

    function toOrigin(admission: Admission, share: BacklogShare) {
      return {
        viewer: admission.viewer,
        share: { ...share, give: (bytes: number) => whenSent(() => share.give(bytes)) },
        onStream(end: () => void) {
          whenOver(end);
          if (response.closed) return;
          options.connections.markStream(response);
          // An answer is let out all the same, but a stream would go on for long.
          whenOver(options.sessions.enter(admission, () => response.destroy()));
        },
      };
    }

    function whenOver(act: () => void): void {
      if (response.closed) act();
      else response.once("close", act);
    }

    /** An event is written a moment after the next one was asked for, and waits behind what has not been read. */
    function whenSent(act: () => void): void {
      setImmediate(() => {
        if (response.writableNeedDrain) response.once("drain", () => whenSent(act));
        else act();
      });
    }

    async function refuse(reason: Refusal): Promise<void> {
      const isSmall = isSurelySmall(request, largestBodyBytes);
      writeRefusal(response, reason, isSmall && !mustAsk ? {} : { connection: "close" });
      if (!isSmall && !mustAsk) await dropBody(request);
      response.end();
    }
  };
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response
    .writeHead(status, {
      "content-type": "text/plain; charset=utf-8",
      "content-length": Buffer.byteLength(text),
    })
    .end(text);
}

const NO_PAGE: Refusal = {
  status: 404,
  code: "NOT_FOUND",
  message:
    "GraphiQL is turned off here. Send GraphQL with the header accept: application/json, or set GRAPHIQL=true.",
};

function notFound(graphqlPath: string): Refusal {
  return {
    status: 404,
    code: "NOT_FOUND",
    message: `Nothing is here. GraphQL is at ${graphqlPath}.`,
  };
}

function tooLarge(largestBodyBytes: number): Refusal {
  return {
    status: 413,
    code: "PAYLOAD_TOO_LARGE",
    limit: largestBodyBytes,
    message: `The body is larger than ${largestBodyBytes / 1_024} KiB. Send pictures as URLs, and shorten or split the rest.`,
  };
}
