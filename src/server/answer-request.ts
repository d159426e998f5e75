import type { IncomingMessage, ServerResponse } from "node:http";

import type { Logger } from "pino";

import type { Admission, Authenticator } from "../auth/authenticator.ts";
import { AuthenticationError } from "../auth/authenticator.ts";
import type { Sessions } from "../auth/sessions.ts";
import type { Backlog, BacklogShare } from "../schema/backlog.ts";
import { DatabaseReplacedError } from "../store/database-error.ts";
import { checkHeaders, checkOperation } from "./check-request.ts";
import type { Connections } from "./connections.ts";
import type { GraphqlHandler } from "./create-graphql.ts";
import type { Origins } from "./origins.ts";
import type { RequestRates } from "./owner-limits.ts";
import { dropBody, isSurelySmall, readBody } from "./read-body.ts";
import type { Refusal } from "./refuse.ts";
import { overLimit, SECURITY_HEADERS, writeRefusal } from "./refuse.ts";

/** Answers one request; `mustAsk` when the client sends its body only once it is asked to. */
export type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  mustAsk: boolean,
) => Promise<void>;

/** Makes what takes a request from its first line to GraphQL. */
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
  /** Rejects unless the database answers. */
  readonly checkDatabase: () => Promise<void>;
  readonly log: Logger;
}): Answer {
  const { path: graphqlPath, largestBodyBytes, answerPage, origins } = options;
  const answerReadiness = createReadiness(options);

  return async (request, response, mustAsk) => {
    response.setHeaders(SECURITY_HEADERS);
    const [path = "", parameters = ""] = (request.url ?? "").split(/\?(.*)/s);
    const refusal = checkHeaders(request) ?? origins.checkName(request);
    if (refusal !== null) return await refuse(refusal);
    if (path === "/health") return sendText(response, 200, "The gateway runs.\n");
    if (path === "/ready") return await answerReadiness(response);
    if (path === "/" && answerPage !== null)
      return void response.writeHead(302, { location: graphqlPath }).end();
    if (path !== graphqlPath)
      return await refuse(notFound(`Nothing is here. GraphQL is at ${graphqlPath}.`));
    if (origins.answer(request, response)) return undefined;
    // A browser asks for a page, and no program for data.
    if (request.method === "GET" && request.headers.accept?.includes("text/html") === true)
      return await (answerPage === null ? refuse(NO_PAGE) : answerPage(request, response));
    const unfit = checkOperation(request, parameters);
    if (unfit !== null) return await refuse(unfit);
    const admission = await options
      .authenticate(request.headers.authorization)
      .catch(toAuthenticationRefusal);
    if (!("viewer" in admission)) return await refuse(admission);
    const limit = await options.rates.take(admission.viewer);
    if (limit !== null) return await refuse(overLimit(limit, 429));
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
    return share.hold(response.writableLength);

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
      writeRefusal(response, reason, mustAsk || !isSmall);
      if (!isSmall && !mustAsk) await dropBody(request);
      response.end();
    }
  };
}

/** However often it is asked, the log is told once of each reason, and once that the gateway is ready again. */
function createReadiness(options: {
  readonly checkDatabase: () => Promise<void>;
  readonly log: Logger;
}): (response: ServerResponse) => Promise<void> {
  const { checkDatabase, log } = options;
  let told: string | null = null;
  return async (response) => {
    try {
      await checkDatabase();
    } catch (error) {
      const text = error instanceof DatabaseReplacedError ? REPLACED : AWAY;
      if (text !== told) log.error({ err: error }, "The gateway is not ready. Check its database.");
      told = text;
      return sendText(response, 503, text);
    }
    if (told !== null) log.info({}, "The gateway is ready again.");
    told = null;
    sendText(response, 200, "The gateway is ready.\n");
  };
}

const AWAY =
  "The database does not answer. Check that it runs; the gateway connects again by itself.\n";
const REPLACED =
  "The database file is no longer the one that the gateway opened. The gateway's log says what to do.\n";

function sendText(response: ServerResponse, status: number, text: string): void {
  const type = "text/plain; charset=utf-8";
  const headers = { "content-type": type, "content-length": Buffer.byteLength(text) };
  response.writeHead(status, headers).end(text);
}

function toAuthenticationRefusal(error: unknown): Refusal {
  if (!(error instanceof AuthenticationError)) throw error;
  const { reason, message } = error;
  if (reason === "unavailable")
    return { status: 503, code: "UNAVAILABLE", message, retryAfterSeconds: 5 };
  const challenge = reason === "missing" ? "Bearer" : 'Bearer error="invalid_token"';
  const headers = { "www-authenticate": challenge };
  return { status: 401, code: "UNAUTHENTICATED", message, headers };
}

function notFound(message: string): Refusal {
  return { status: 404, code: "NOT_FOUND", message };
}

const NO_PAGE = notFound(
  "This gateway shows no page. Send GraphQL with the header accept: application/json, or set GRAPHIQL=true.",
);

function tooLarge(limit: number): Refusal {
  const message = `The body is larger than ${limit / 1_024} KiB. Send pictures as URLs, and shorten or split the rest.`;
  return { status: 413, code: "PAYLOAD_TOO_LARGE", limit, message };
}
