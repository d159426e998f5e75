import {
  type Client as Socket,
  createClient,
  type FormattedExecutionResult,
  MessageType,
  type Sink as SocketSink,
  type SubscribePayload,
} from "graphql-ws";

import { platform, sleep } from "./environment.ts";
import { GatewayError, noAnswer } from "./gateway-error.ts";

/** A submit may take a little over 20 s; what takes longer is lost. */
const TIMEOUT_MS = 30_000;
/** A socket that nobody has closed may be dead all the same, or never open. */
const PING_MS = 15_000;
const PONG_MS = 5_000;
const OPEN_MS = 20_000;
/** Of the first try: whether anything can be reached is worth knowing soon. */
const FIRST_OPEN_MS = 5_000;
/** Close codes: `authorization` threw, and graphql-ws gave the socket up. */
const PARAMS_THREW = 4005;
const TERMINATED = 4499;
/** Close codes after which the next try would end the same: a message is too big, or not of the protocol. */
const MISTAKES: ReadonlySet<number> = new Set([1009, 4400, 4406, 4409, 4429]);

/** The one socket: it opens with the first subscription, and closes after the last. `reason` is a sentence for people. */
export type Connection =
  | { readonly kind: "idle" | "connected" }
  /** Trying again; `since` is in milliseconds as by `Date.now()`. */
  | { readonly kind: "away"; readonly since: number; readonly reason: string }
  /** Not trying, until something is subscribed to again. */
  | { readonly kind: "refused"; readonly reason: string };

export type ClientOptions = {
  /** Of the gateway's GraphQL; below the page's origin where it begins with `/`. */
  readonly url: string;
  /**
   * Gives the value of the header `Authorization`, and may throw. Asked for each call and each connection; `wasRefused`
   * says that the last one was not accepted.
   */
  readonly authorization?: (wasRefused: boolean) => string | Promise<string>;
  /** The class of WebSockets, such as that of the package `ws`, where there is no global one: on Node before 22. */
  readonly webSocketImpl?: unknown;
};

/**
 * The way to a gateway: HTTP, and one WebSocket. Throws a `TypeError` where `url` is none, or there is no WebSocket.
 */
export function openConnection({
  url,
  authorization,
  webSocketImpl = globalThis.WebSocket,
}: ClientOptions) {
  const page = globalThis.location?.href;
  if (!URL.canParse(url, page)) throw new TypeError("Outside a page, give a whole URL.");
  if (!webSocketImpl)
    throw new TypeError("There is no WebSocket here. Use Node 22, or pass ws as webSocketImpl.");
  const address = new URL(url, page);
  const { origin } = globalThis.location ?? address;
  /** A page of another origin can't tell which of two causes it is until an answer has come. */
  let likelyCause =
    origin === address.origin
      ? undefined
      : `${address.origin} is not reachable, or this page's origin, ${origin}, is not in its CORS_ORIGINS`;
  let wasRefused = false;
  let excuse = "";
  async function toCredential(): Promise<string | undefined> {
    try {
      const value = await authorization?.(wasRefused);
      wasRefused = false;
      return value;
    } catch (cause) {
      excuse = cause instanceof Error ? cause.message : String(cause);
      throw new GatewayError({ code: "NO_CREDENTIAL", message: excuse }, { cause });
    }
  }

  let current: Connection = { kind: "idle" };
  const listeners = new Set<() => void>();
  function set(next: Connection): void {
    if (JSON.stringify(next) === JSON.stringify(current)) return;
    current = next;
    for (const listener of listeners) listener();
  }

  /** How many subscriptions are open. */
  let count = 0;
  let hasConnected = false;
  let isFinal = false;
  /** How many sockets have closed since anything came on one, besides that the gateway let it in. */
  let closes = 0;
  let deadline: unknown;
  function giveUpIn(ms: number): void {
    platform.clearTimeout(deadline);
    deadline = platform.setTimeout(() => client.terminate(), ms);
  }

  function noteClosed(event: unknown): void {
    platform.clearTimeout(deadline);
    const { code, reason: why } = toClosed(event);
    // A credential is missing, wrong or has expired.
    const isRefused = code === 4401 || code === 4403;
    wasRefused ||= isRefused;
    // A credential that was good may have expired, and the next one be better.
    isFinal = MISTAKES.has(code) || (isRefused && !(hasConnected && authorization !== undefined));
    hasConnected &&= !isRefused;
    if (count === 0) return set({ kind: "idle" });
    if (isFinal) return set({ kind: "refused", reason: why });
    const since = current.kind === "away" ? current.since : platform.Date.now();
    const reason =
      code === PARAMS_THREW ? excuse : `${likelyCause ?? "The connection is down"}; trying again.`;
    set({ kind: "away", since, reason });
    // After many codes graphql-ws gives up, and after 1000 it is back at once. What it ends itself, it tries again after a
    // pause.
    if (code !== TERMINATED && code !== PARAMS_THREW) client.terminate();
  }

  const client: Socket = createClient({
    url: address.href.replace(/^http/, "ws"),
    webSocketImpl,
    connectionParams: async () => ({ authorization: await toCredential() }),
    keepAlive: PING_MS,
    retryAttempts: Infinity,
    shouldRetry: () => !isFinal,
    retryWait: () => wait(closes++),
    on: {
      connecting() {
        isFinal = false;
        giveUpIn(closes ? OPEN_MS : FIRST_OPEN_MS);
      },
      connected() {
        platform.clearTimeout(deadline);
        likelyCause = undefined;
        hasConnected = true;
        set({ kind: "connected" });
      },
      message: ({ type }) => type === MessageType.ConnectionAck || (closes = 0),
      closed: noteClosed,
      ping: (isReceived) => isReceived || giveUpIn(PONG_MS),
      pong: (isReceived) => isReceived && platform.clearTimeout(deadline),
    },
  });

  const socket: Socket = {
    ...client,
    subscribe<Data, Extensions>(
      payload: SubscribePayload,
      sink: SocketSink<FormattedExecutionResult<Data, Extensions>>,
    ) {
      let isOpen = true;
      count += 1;
      function close(): void {
        if (isOpen) count -= 1;
        isOpen = false;
        // Without a socket that closes, nothing else would set it.
        if (count === 0 && current.kind === "away") set({ kind: "idle" });
      }
      const end = client.subscribe<Data, Extensions>(payload, {
        next: (value) => sink.next(value),
        error(error) {
          close();
          sink.error(error);
        },
        complete() {
          close();
          sink.complete();
        },
      });
      return () => {
        close();
        end();
      };
    },
  };

  /** As the global one, with the credential and a time-out. */
  async function send(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    const value = await toCredential();
    if (value) request.headers.set("authorization", value);
    const signal = AbortSignal.any([request.signal, platform.AbortSignal.timeout(TIMEOUT_MS)]);
    const response = await fetch(request, { signal });
    likelyCause = undefined;
    wasRefused ||= response.status === 401;
    return response;
  }

  /** Calls the gateway. Rejects with a `GatewayError` where no whole answer comes. */
  async function post(payload: object) {
    try {
      const response = await send(address, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(payload),
      });
      return await response.json();
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      throw noAnswer(error, likelyCause && `${likelyCause}. Check both, then try again.`);
    }
  }

  return {
    post,
    /** For other clients: the global one with the credential and a time-out of 30 s. */
    fetch: send,
    /** For other clients: it comes back for as long as it takes. */
    socket,
    connection: {
      get: (): Connection => current,
      subscribe(listener: () => void): () => void {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
  };
}

/** The socket's errors are events of its closing, or what `authorization` threw. */
export function toClosed(event: unknown): { readonly code: number; readonly reason: string } {
  const { code = 0, reason = "" } = Object(event);
  const said = reason && ` (${reason})`;
  const mistake = `The socket closed with ${code}${said}: see docs/error-codes.md.`;
  return { code, reason: MISTAKES.has(code) ? mistake : reason };
}

/** From half a second to 22 of them. */
function wait(retries: number): Promise<void> {
  return sleep(Math.min(2 ** retries, 15) * 1_000 * (0.5 + platform.Math.random()));
}
