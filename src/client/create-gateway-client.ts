import { type Client as Socket, createClient } from "graphql-ws";

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
import { createKey } from "./keys.ts";
import { untilAnswered } from "./until-answered.ts";

/** A submit may take a little over 20 s; what takes longer is lost. */
const TIMEOUT_MS = 30_000;
/** A socket that nobody has closed may be dead all the same. */
const PING_MS = 15_000;
const PONG_MS = 5_000;
const MOST_PAUSE_MS = 30_000;
/** Of sockets: nothing is watched any more, `authorization` threw, and a credential is missing, wrong, or has run out. */
const NORMAL = 1000;
const PARAMS_THREW = 4005;
const REFUSED: ReadonlySet<number> = new Set([4401, 4403]);
const DOWN = "The connection is down; trying again.";

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
  /** Gives the value of the header `Authorization`. Asked for each call and each connection; it may throw. */
  readonly authorization?: () => string | Promise<string>;
};

export type GatewayClient = ReturnType<typeof createGatewayClient>;

/** Speaks to a gateway over HTTP and one WebSocket. */
export function createGatewayClient({ url, authorization }: ClientOptions) {
  const address = new URL(url, globalThis.location?.href);
  let current: Connection = { kind: "idle" };
  const listeners = new Set<() => void>();
  function set(next: Connection): void {
    current = next;
    for (const listener of listeners) listener();
  }

  let hasConnected = false;
  let isRefused = false;
  let pong: ReturnType<typeof setTimeout>;
  function noteClosed(event: unknown): void {
    clearTimeout(pong);
    const { code, reason } = toClosed(event);
    const isUnwanted = REFUSED.has(code);
    // A credential that was good may have run out, and the next one be better.
    isRefused = isUnwanted && !(hasConnected && authorization !== undefined);
    if (isUnwanted) hasConnected = false;
    if (code === NORMAL) return set({ kind: "idle" });
    if (isRefused) return set({ kind: "refused", reason });
    const since = current.kind === "away" ? current.since : Date.now();
    set({ kind: "away", since, reason: code === PARAMS_THREW ? reason : DOWN });
  }

  const socket: Socket = createClient({
    url: address.href.replace(/^http/, "ws"),
    connectionParams: async () => {
      const value = await authorization?.();
      return value === undefined ? undefined : { authorization: value };
    },
    keepAlive: PING_MS,
    retryAttempts: Infinity,
    shouldRetry: () => !isRefused,
    retryWait: (retries) =>
      new Promise((done) =>
        setTimeout(done, Math.min(2 ** retries, 15) * 1_000 * (0.5 + Math.random())),
      ),
    on: {
      connected() {
        hasConnected = true;
        set({ kind: "connected" });
      },
      closed: noteClosed,
      ping: (isReceived) => {
        if (!isReceived) pong = setTimeout(() => socket.terminate(), PONG_MS);
      },
      pong: (isReceived) => {
        if (isReceived) clearTimeout(pong);
      },
    },
  });

  /** What a request is sent with: the credential, and a time-out. */
  async function authorize(init: RequestInit): Promise<RequestInit> {
    const headers = new Headers(init.headers);
    const value = await (async () => await authorization?.())().catch((cause: unknown) => {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new GatewayError({ code: "NO_CREDENTIAL", message }, { cause });
    });
    if (value !== undefined) headers.set("authorization", value);
    const late = AbortSignal.timeout(TIMEOUT_MS);
    return { ...init, headers, signal: init.signal ? AbortSignal.any([init.signal, late]) : late };
  }

  /** Runs a query or a mutation once. Rejects with a `GatewayError`; fields with errors of their own are null. */
  async function request<Data extends object, Variables>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
  ): Promise<Data> {
    const init = await authorize({
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(toPayload(document, variables)),
    });
    const { data, errors } = await fetch(address, init)
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
            return sink.next(data);
          },
          error: (reason) => fail(isRefused ? refused(reason) : toError(reason)),
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
          const seconds = error.retryAfterSeconds ?? 2 ** failures++;
          timer = setTimeout(() => (leave = begin()), Math.min(seconds * 1_000, MOST_PAUSE_MS));
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
   */
  async function submit<Data extends object, Variables extends { readonly key: string }>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    onAttempt?: (attempt: number) => void,
  ): Promise<FieldOf<Data>> {
    const data = await untilAnswered(() => request(document, variables), onAttempt);
    return fieldOf<Data>(data);
  }

  /** A job as it is now, then its newest state after each change; ends after the final one. Throws a `GatewayError`. */
  async function* watchJob(id: string): AsyncGenerator<Job, void> {
    let latest: Job | undefined;
    let failure: GatewayError | undefined;
    let isOver = false;
    let wake = (): void => undefined;
    const leave = subscribe(
      JOB_UPDATED,
      { id },
      {
        next({ jobUpdated }) {
          latest = jobUpdated;
          wake();
        },
        error(error) {
          if (!error.retryable) failure = error;
          wake();
        },
        complete() {
          isOver = true;
          wake();
        },
      },
    );
    try {
      for (;;) {
        const job = latest;
        latest = undefined;
        if (job) yield job;
        else if (failure) throw failure;
        else if (isOver) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      leave();
    }
  }

  return {
    request,
    subscribe,
    submit,
    watchJob,
    /** For other clients: the global one with the credential and a time-out of 30 s. */
    fetch: async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> =>
      await fetch(input, await authorize(init)),
    /** For other clients: it comes back for as long as it takes. */
    socket,
    connection: {
      get: (): Connection => current,
      subscribe(listener: () => void): () => void {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },

    /** Submits a job and watches it to its end. Throws a `GatewayError` where it is refused. */
    async *submitAndWatch({
      key = createKey(),
      ...job
    }: {
      readonly deploymentId: string;
      readonly input: unknown;
      readonly tags?: readonly string[];
      readonly key?: string;
    }): AsyncGenerator<Job, void> {
      const result = await submit(SUBMIT_JOB, { ...job, key });
      if (result.__typename !== "SubmitJobSuccess") throw new GatewayError(result);
      yield* watchJob(result.job.id);
    },

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

function throwNoAnswer(error: unknown): never {
  throw noAnswer(error);
}

function refused(event: unknown): GatewayError {
  return new GatewayError({ code: "REFUSED", message: toClosed(event).reason });
}

/** The socket's errors are events of its closing, or what `authorization` threw. */
function toClosed(event: unknown): { readonly code: number; readonly reason: string } {
  if (typeof event !== "object" || event === null || !("code" in event) || !("reason" in event))
    return { code: 0, reason: "" };
  return { code: Number(event.code), reason: String(event.reason) };
}
