import {
  type Client as Socket,
  createClient,
  type FormattedExecutionResult,
  MessageType,
  type Sink as SocketSink,
  type SubscribePayload,
} from "graphql-ws";

import {
  CREATE_UPLOAD,
  type FieldOf,
  fieldOf,
  JOB_UPDATED,
  SUBMIT_JOB,
  type TypedDocument,
} from "./documents.ts";
import { GatewayError, noAnswer, toError } from "./gateway-error.ts";
import type { JobUpdatedSubscription } from "./gql.ts";
import { createKey } from "./idempotency-keys.ts";
import { type OnAttempt, untilAnswered } from "./until-answered.ts";

/** A submit may take a little over 20 s; what takes longer is lost. */
const TIMEOUT_MS = 30_000;
/** A socket that nobody has closed may be dead all the same, or never open. */
const PING_MS = 15_000;
const PONG_MS = 5_000;
const OPEN_MS = 20_000;
/** Of the first try: whether anything can be reached is worth knowing soon. */
const FIRST_OPEN_MS = 5_000;
const MAX_PAUSE_MS = 30_000;
/** Close codes: `authorization` threw, graphql-ws gave the socket up, a credential is missing, wrong or has expired. */
const PARAMS_THREW = 4005;
const TERMINATED = 4499;
const REFUSED: ReadonlySet<number> = new Set([4401, 4403]);
/** Close codes after which the next try would end the same: a message is too big, or not of the protocol. */
const MISTAKES: ReadonlySet<number> = new Set([1009, 4400, 4406, 4409, 4429]);
const DOWN = "The connection is down";

export type Job = JobUpdatedSubscription["jobUpdated"];

/** The one socket: it opens with the first subscription, and closes after the last. `reason` is a sentence for people. */
export type Connection =
  | { readonly kind: "idle" | "connected" }
  /** Trying again; `since` is in milliseconds as by `Date.now()`. */
  | { readonly kind: "away"; readonly since: number; readonly reason: string }
  /** Not trying, until something is subscribed to again. */
  | { readonly kind: "refused"; readonly reason: string };

export type Sink<Data> = {
  next(data: Data): void;
  /** The stream goes on where the error is `retryable`, and has ended otherwise. */
  error?(error: GatewayError): void;
  complete?(): void;
};

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

export type GatewayClient = ReturnType<typeof createGatewayClient>;

/** Speaks to a gateway over HTTP and one WebSocket. Throws a `TypeError` where `url` is none, or there is no WebSocket. */
export function createGatewayClient({
  url,
  authorization,
  webSocketImpl = globalThis.WebSocket,
}: ClientOptions) {
  const page = globalThis.location?.href;
  if (!URL.canParse(url, page)) throw new TypeError("Outside a page, give a whole URL.");
  if (webSocketImpl === undefined)
    throw new TypeError("There is no WebSocket here. Pass one, such as ws's, as webSocketImpl.");
  const address = new URL(url, page);
  const { origin } = globalThis.location ?? address;
  /** What is wrong, if anything. A page of another origin can't tell which of two things it is until anything has come. */
  let trouble =
    origin === address.origin
      ? DOWN
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
  let deadline: ReturnType<typeof setTimeout>;
  function giveUpIn(ms: number): void {
    clearTimeout(deadline);
    deadline = setTimeout(() => client.terminate(), ms);
  }

  function noteClosed(event: unknown): void {
    clearTimeout(deadline);
    const { code, reason: why } = toClosed(event);
    const isRefused = REFUSED.has(code);
    wasRefused ||= isRefused;
    // A credential that was good may have expired, and the next one be better.
    isFinal = MISTAKES.has(code) || (isRefused && !(hasConnected && authorization !== undefined));
    hasConnected &&= !isRefused;
    if (count === 0) return set({ kind: "idle" });
    if (isFinal) return set({ kind: "refused", reason: why });
    const since = current.kind === "away" ? current.since : Date.now();
    const reason = code === PARAMS_THREW ? excuse : `${trouble}; trying again.`;
    set({ kind: "away", since, reason });
    // After many codes graphql-ws gives up, and after 1000 it is back at once. What it ends itself, it tries again after a
    // pause.
    if (code !== TERMINATED && code !== PARAMS_THREW) client.terminate();
  }

  const client: Socket = createClient({
    url: address.href.replace(/^http/, "ws"),
    webSocketImpl,
    async connectionParams() {
      const value = await toCredential();
      return value === undefined ? undefined : { authorization: value };
    },
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
        clearTimeout(deadline);
        trouble = DOWN;
        hasConnected = true;
        set({ kind: "connected" });
      },
      message: ({ type }) => type === MessageType.ConnectionAck || (closes = 0),
      closed: noteClosed,
      ping: (isReceived) => isReceived || giveUpIn(PONG_MS),
      pong: (isReceived) => isReceived && clearTimeout(deadline),
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
        // Nothing else would tell, as there is no socket that closes.
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
    if (value !== undefined) request.headers.set("authorization", value);
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const response = await fetch(request, { signal });
    trouble = DOWN;
    wasRefused ||= response.status === 401;
    return response;
  }

  function throwNoAnswer(error: unknown): never {
    if (error instanceof GatewayError) throw error;
    throw noAnswer(error, trouble === DOWN ? undefined : `${trouble}. Check both, then try again.`);
  }

  /** Runs a query or a mutation once. Rejects with a `GatewayError`; fields with errors of their own are null. */
  async function request<Data extends object, Variables>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
  ): Promise<Data> {
    const { data, errors } = await send(address, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(toPayload(document, variables)),
    })
      .then((response) => response.json())
      .catch(throwNoAnswer);
    if (data) return data;
    throw toError(errors);
  }

  /** Streams a subscription over the socket, however often that breaks, until the gateway or the returned function ends it. */
  function subscribe<Data, Variables extends Record<string, unknown>>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    sink: Sink<Data>,
  ): () => void {
    let failures = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let leave = begin();

    function begin(): () => void {
      let isOver = false;
      const end = socket.subscribe<Data>(
        // It reads the variables anew whenever it is back, so a cursor in them may move.
        toPayload(document, variables),
        {
          next({ data, errors }) {
            if (isOver) return undefined;
            if (!data) return fail(toError(errors));
            failures = 0;
            try {
              return sink.next(data);
            } catch (error) {
              // Not to the socket, which would close for all, and come back to the same.
              return queueMicrotask(() => {
                throw error;
              });
            }
          },
          error(cause) {
            const { code, reason: message } = toClosed(cause);
            fail(code === 0 ? toError(cause) : new GatewayError({ code: "REFUSED", message }));
          },
          complete() {
            if (!isOver) sink.complete?.();
            isOver = true;
          },
        },
      );

      function fail(error: GatewayError): void {
        if (isOver) return;
        isOver = true;
        end();
        if (error.retryable) {
          const seconds = Math.max(error.retryAfterSeconds ?? 0, 2 ** failures++);
          timer = setTimeout(() => (leave = begin()), Math.min(seconds * 1_000, MAX_PAUSE_MS));
        }
        sink.error?.(error);
      }

      return () => {
        isOver = true;
        end();
      };
    }

    return () => {
      clearTimeout(timer);
      leave();
    };
  }

  /**
   * Sends a mutation until an answer comes, for half a minute. That is safe as its `key` is an idempotency key: for one
   * the gateway runs one job. Resolves to the mutation's result, a failure included; rejects with a `GatewayError`.
   * `onAttempt` hears of each try, and why there is another one as soon as that is known.
   */
  async function submit<Data extends object, Variables extends { readonly key: string }>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    onAttempt?: OnAttempt,
  ): Promise<FieldOf<Data>> {
    const data = await untilAnswered(() => request(document, variables), onAttempt);
    return fieldOf<Data>(data);
  }

  /** Watches the job that `begin` gives. */
  function watch(begin: () => Promise<{ readonly id: string }>): AsyncGenerator<Job, void> {
    let latest: Job | undefined;
    let version = -1;
    let failure: GatewayError | undefined;
    let isOver = false;
    let leave = (): void => undefined;
    let wake = (): void => undefined;
    function end(): void {
      isOver = true;
      leave();
      wake();
    }

    async function* toStates(): AsyncGenerator<Job, void> {
      const { id } = await begin();
      if (isOver) return;
      leave = subscribe(
        JOB_UPDATED,
        { id },
        {
          next({ jobUpdated }) {
            latest = jobUpdated;
            wake();
          },
          error(error) {
            if (error.retryable) return;
            failure = error;
            end();
          },
          complete: end,
        },
      );
      for (;;) {
        const job = latest;
        latest = undefined;
        if (job && (job.version > version || job.estimate)) {
          version = job.version;
          yield job;
        } else if (failure) throw failure;
        else if (isOver) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    }

    const states = toStates();
    const finish = states.return.bind(states);
    // Also called where a loop is left. A generator that waits hears of its end only afterwards.
    states.return = async () => {
      end();
      return await finish();
    };
    return states;
  }

  return {
    request,
    subscribe,
    submit,
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

    /** A job as it is now, then its newest state after each change; ends after the final one. Throws a `GatewayError`. */
    watchJob: (id: string): AsyncGenerator<Job, void> => watch(async () => ({ id })),

    /**
     * Submits a job and watches it to its end. Throws a `GatewayError` where it is refused, and where it may pass later or
     * nobody knows: the message has the `key` to submit it again with, so that it is paid once.
     */
    submitAndWatch: ({
      key = createKey(),
      onAttempt,
      ...job
    }: {
      readonly deploymentId: string;
      readonly input: unknown;
      readonly tags?: readonly string[];
      readonly key?: string;
      /** As of `submit`. */
      readonly onAttempt?: OnAttempt;
    }): AsyncGenerator<Job, void> =>
      watch(async () => {
        const result = await submit(SUBMIT_JOB, { ...job, key }, onAttempt).catch(
          (cause: unknown) => {
            // An earlier try may have come through, whatever the last one met.
            if (!(cause instanceof GatewayError) || !cause.retryable) throw cause;
            const message = `${cause.message} Submit it again with key: "${key}", so that it is paid once.`;
            throw new GatewayError({ ...cause, message }, { cause });
          },
        );
        if (result.__typename !== "SubmitJobSuccess") throw new GatewayError(result);
        return result.job;
      }),

    /** Uploads a file, and resolves to what to write into an input in place of a URL. Rejects with a `GatewayError`. */
    async upload(file: File): Promise<string> {
      const { name: fileName, type: contentType, size: bytes } = file;
      const { createUpload } = await request(CREATE_UPLOAD, { fileName, contentType, bytes });
      if (createUpload.__typename !== "CreateUploadSuccess") throw new GatewayError(createUpload);
      const { id, putUrl } = createUpload.upload;
      const response = await fetch(putUrl, { method: "PUT", body: file }).catch(throwNoAnswer);
      // 409: it had come already.
      if (response.ok || response.status === 409) return `upload:${id}`;
      throw toError((await response.json().catch(() => null))?.errors);
    },
  };
}

function toPayload<Variables>(document: TypedDocument<unknown, Variables>, variables: Variables) {
  const hash = document.__meta__?.["hash"];
  const extensions = { persistedQuery: { sha256Hash: hash } };
  return { query: String(document), variables, ...(hash !== undefined && { extensions }) };
}

/** From half a second to 22 of them. */
async function wait(retries: number): Promise<void> {
  const ms = Math.min(2 ** retries, 15) * 1_000 * (0.5 + Math.random());
  await new Promise((done) => setTimeout(done, ms));
}

/** The socket's errors are events of its closing, or what `authorization` threw. */
function toClosed(event: unknown): { readonly code: number; readonly reason: string } {
  const { code = 0, reason = "" } = Object(event);
  const said = reason && ` (${reason})`;
  const mistake = `The socket closed with ${code}${said}: see docs/error-codes.md.`;
  return { code, reason: MISTAKES.has(code) ? mistake : reason };
}
