import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";

import { CodedError, SetupError, unavailable } from "../../runtime/coded-error.ts";
import { DatabaseDiskError, DatabaseReplacedError } from "../../engine/store/database-error.ts";
import { Semaphore } from "../../runtime/semaphore.ts";
import { createFileReaders } from "./file-readers.ts";
import { createExchanges } from "./exchange.ts";
import type { Graphiql } from "./graphiql.ts";
import { type Answer, createOperationAnswer } from "./answer-operation.ts";
import { checkHeaders, checkOperation, dropBody, isSurelySmall } from "./read-request.ts";
import { notFound, SECURITY_HEADERS, writeRefusal } from "./refuse.ts";
import { createUploadAnswer } from "./receive-upload.ts";
import { createSignInAnswer } from "./sign-in.ts";
import { createFileAnswer, NOT_FOUND } from "./serve-files.ts";
import type { ServerParts } from "./server-parts.ts";
import { GRAPHQL_PATH } from "./server-parts.ts";

/** That come and go at once; as many others wait. */
const MAX_FILES = 1_000;
const MAX_FILE_WAIT_MS = 10_000;

/** Makes what takes a request from its first line to GraphQL. */
export function createAnswer(parts: ServerParts, graphiql: Graphiql): Answer {
  const { origins, connections } = parts;
  const largestBodyBytes = parts.limits.http.bodyBytes;
  const answerReadiness = createReadiness(parts);
  const slots = new Semaphore({
    atOnce: MAX_FILES,
    maxWaiting: MAX_FILES,
    maxWaitMs: MAX_FILE_WAIT_MS,
    refuse: () => FILES_BUSY,
  });
  const readers = createFileReaders(slots, parts.log);
  const answerFile = createFileAnswer({ ...parts.files, readers });
  const answerUpload = createUploadAnswer({ ...parts.files, slots, log: parts.log });
  const answerSignIn = createSignInAnswer(parts);
  const toExchange = createExchanges(parts, readers);
  const answerOperation = createOperationAnswer(parts);
  const answersSigned = new Map(
    parts.answers.flatMap(({ name, answerSigned }) =>
      answerSigned === undefined ? [] : [[name, answerSigned] as const],
    ),
  );

  return async (request, response, mustAsk) => {
    response.setHeaders(SECURITY_HEADERS);
    try {
      await answer(request, response, mustAsk);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      // There was no room for an answer that is already under way.
      if (response.headersSent) return void response.destroy();
      await answerUnread(request, response, mustAsk, (isLast) =>
        writeRefusal(response, error, isLast),
      );
    }
  };

  /** Answers at once, whatever is still to come; `write` gets whether the connection ends with the answer. */
  async function answerUnread(
    request: IncomingMessage,
    response: ServerResponse,
    mustAsk: boolean,
    write: (isLast: boolean) => void,
  ): Promise<void> {
    const isSmall = isSurelySmall(request, largestBodyBytes);
    write(mustAsk || !isSmall);
    if (!isSmall && !mustAsk) await dropBody(request);
    response.end();
  }

  /** Says that it is done, and leaves the body unread. */
  async function answerNothing(
    request: IncomingMessage,
    response: ServerResponse,
    mustAsk: boolean,
    headers: OutgoingHttpHeaders = {},
  ): Promise<void> {
    await answerUnread(request, response, mustAsk, (isLast) => {
      const all = { ...headers, ...(isLast && { connection: "close" }) };
      response.writeHead(204, all).flushHeaders();
    });
  }

  /** Throws a `CodedError` for what is refused before GraphQL, as do those that it calls. */
  async function answer(...[request, response, mustAsk]: Parameters<Answer>): Promise<void> {
    const [path = "", parameters = ""] = (request.url ?? "").split(/\?(.*)/s);
    const folder = path === GRAPHQL_PATH ? "" : (/^\/([\w-]+)\//.exec(path)?.[1] ?? "");
    const isSigned = SIGNED.has(folder) || answersSigned.has(folder);
    checkHeaders(request);
    origins.checkName(request, isSigned);
    if (path === "/health") return sendText(response, 200, "The gateway runs.\n");
    if (path === "/ready") return await answerReadiness(response);
    if (isSigned) return await answerSigned(request, response, { path, parameters, mustAsk });
    // Nothing else takes a POST there, and few requests are anything else.
    const isPost = path === GRAPHQL_PATH && request.method === "POST";
    if (!isPost && (await answerOther(request, response, { path, mustAsk }))) return undefined;
    if (origins.answer(request, response)) return undefined;
    checkOperation(request, parameters);
    return await answerOperation(request, response, mustAsk);
  }

  /** Answers what is no operation of GraphQL; false, and nothing done, for one that may be. */
  async function answerOther(
    request: IncomingMessage,
    response: ServerResponse,
    { path, mustAsk }: { readonly path: string; readonly mustAsk: boolean },
  ): Promise<boolean> {
    const signedIn = await answerSignIn(request, path);
    if (signedIn !== null) {
      await answerNothing(request, response, mustAsk, signedIn);
      return true;
    }
    if (await graphiql.answer(request, response, path)) return true;
    if (path === GRAPHQL_PATH) return false;
    const exchange = toExchange(request, response, { path, mustAsk });
    for (const part of parts.answers) if (await part.answer?.(exchange)) return true;
    if (path === "/" && graphiql.isOn) {
      response.writeHead(302, { location: GRAPHQL_PATH }).end();
      return true;
    }
    throw notFound(`Nothing is here. GraphQL is at ${GRAPHQL_PATH}.`);
  }

  /** A signature stands for the credential. */
  async function answerSigned(
    request: IncomingMessage,
    response: ServerResponse,
    { path, parameters, mustAsk }: { path: string; parameters: string; mustAsk: boolean },
  ): Promise<void> {
    const isUpload = path.startsWith("/uploads/");
    if (isUpload && origins.answer(request, response, "PUT")) return;
    const target = parts.files.urls.open(path, parameters);
    if (path.startsWith("/upstream-webhooks/")) {
      if (target === null || request.method !== "POST") {
        parts.channels.upstreamWebhooks.publish("refused");
        throw NOT_FOUND;
      }
      parts.upstreamWebhooks.take(target.name);
      return await answerNothing(request, response, mustAsk);
    }
    if (target === null) throw NOT_FOUND;
    const answerPart = answersSigned.get(target.folder);
    if (answerPart !== undefined)
      return await answerPart(toExchange(request, response, { path, mustAsk }), target.name);
    if (!isUpload) return await answerFile(request, response, target);
    await answerUpload(request, {
      id: target.name,
      begin: () => mustAsk && response.writeContinue(),
      allowSlowly: (tooSlow) => connections.allowSlowBody(response, tooSlow),
    });
    response.writeHead(204).end();
  }
}

/** The folders of the server's own URLs that are signed. */
const SIGNED = new Set(["files", "uploads", "upstream-webhooks"]);

/** However often it is asked, it logs each reason once, and once that the gateway is ready again. */
function createReadiness({
  database,
  isLeaving,
  log,
}: Pick<ServerParts, "database" | "isLeaving" | "log">) {
  let logged: string | null = null;
  return async (response: ServerResponse): Promise<void> => {
    if (isLeaving()) return sendText(response, 503, LEAVING);
    try {
      await database.ping();
    } catch (error) {
      const isOfDisk = error instanceof DatabaseDiskError;
      const reason = error instanceof DatabaseReplacedError ? REPLACED : AWAY;
      const text = isOfDisk || error instanceof SetupError ? `${error.message}\n` : reason;
      // The store logs what is wrong with a disk.
      if (text !== logged && !isOfDisk)
        log.error({ err: error }, "The gateway is not ready. Check its database.");
      logged = text;
      return sendText(response, 503, text);
    }
    if (logged !== null) log.info({}, "The gateway is ready again.");
    logged = null;
    sendText(response, 200, "The gateway is ready.\n");
  };
}

const FILES_BUSY = unavailable("Too many files come and go. Try again in a few seconds.");
const LEAVING = "The gateway is about to stop. Ask another one.\n";
const AWAY =
  "The database does not answer. Check that it runs; the gateway connects again by itself.\n";
const REPLACED =
  "The database file is no longer the one that the gateway opened. The gateway's log says what to do.\n";

function sendText(response: ServerResponse, status: number, text: string): void {
  const type = "text/plain; charset=utf-8";
  const headers = { "content-type": type, "content-length": Buffer.byteLength(text) };
  response.writeHead(status, headers).end(text);
}
