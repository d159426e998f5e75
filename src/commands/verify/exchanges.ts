import { createChannels } from "../../engine/diagnostics/channels.ts";
import type { JsonObject, JsonValue } from "../../engine/job/json.ts";
import type { Service } from "../../engine/job/upstream.ts";
import type { RequestReference, Target } from "../../engine/runcomfy/adapter.ts";
import { readErrorEnvelope } from "../../engine/runcomfy/answer-error.ts";
import { findAdapter } from "../../engine/runcomfy/kinds/find-kind.ts";
import { MODEL_ADAPTER } from "../../engine/runcomfy/kinds/model/adapter.ts";
import { PAYLOAD_BOUNDS } from "../../engine/runcomfy/read-deployments.ts";
import { RunComfyError } from "../../engine/runcomfy/runcomfy-error.ts";
import { DEPLOYMENT_ERRORS } from "../../engine/runcomfy/services.ts";
import { type CallRequest, createTransport } from "../../engine/runcomfy/transport.ts";
import { readRequestId } from "../../engine/runcomfy/wire.ts";
import { isPublicAddress } from "../../runtime/public-address.ts";
import { sendRequest } from "../../runtime/send-request.ts";
import { type Exchange, isOutage, type Purpose } from "./answers.ts";

const TIMEOUT_MS = 60_000;
const CANCEL_TIMEOUT_MS = 10_000;
/** A GET is sent so often where no usable answer comes. A POST is sent once. */
const MAX_TRIES = 3;
const RETRY_MS = 3_000;

/** What is verified: the addresses, and the token that goes there. */
export type Upstream = {
  readonly baseUrl: string;
  /** Null where models are off. */
  readonly modelUrl: string | null;
  readonly token: string;
};

type Sent = Pick<Exchange, "purpose"> &
  Partial<Pick<Exchange, "kind" | "id">> &
  Pick<CallRequest<unknown>, "call" | "path" | "json" | "readRefusal"> &
  Partial<Pick<CallRequest<unknown>, "readReport">> & {
    readonly service: Service;
    /** In place of the user's own. */
    readonly token?: string;
  };

/** Thrown in place of a request for which no time is left. */
export class OutOfTimeError extends Error {
  override readonly name = "OutOfTimeError";
}

export type Exchanges = ReturnType<typeof createExchanges>;

/**
 * Makes requests one after the other, with the gateway's own transport, and keeps what was answered. Each rejects with the
 * signal's reason once that is aborted, and with an `OutOfTimeError` after `endsAt`.
 */
export function createExchanges(options: {
  readonly upstream: Upstream;
  readonly signal: AbortSignal;
  /** Unix time in ms. */
  readonly endsAt: number;
  readonly now: () => number;
  readonly sleep: (ms: number, options: { signal: AbortSignal }) => Promise<void>;
  /** Prints a line for the user alone, which may hold ids. */
  readonly print: (line: string) => void;
}) {
  const { upstream, signal, endsAt, now, sleep, print } = options;
  const made: Exchange[] = [];
  /** Requests that may be waiting or running. */
  const open = new Map<string, RequestReference>();
  const channels = createChannels();
  let pausedUntil = 0;
  const health = {
    pausedForMs: () => 0,
    notePause: (ms: number) => void (pausedUntil = now() + ms),
  };

  function toBaseUrl(service: Service): string {
    const url = service === "models" ? upstream.modelUrl : upstream.baseUrl;
    if (url === null) throw new Error("Models are off.");
    return url;
  }

  /** Sends once, whatever the time, and rejects with nothing but the signal's reason. */
  async function exchange(sent: Sent, ending: AbortSignal | null): Promise<Exchange> {
    const { purpose, service, kind = null, id = null, token = upstream.token, ...request } = sent;
    const { readReport = readUnlessError, readRefusal = () => null } = request;
    const answer: { body: JsonValue | undefined; httpStatus: number | null } = {
      body: undefined,
      httpStatus: null,
    };
    const keep = (read: (body: JsonValue) => unknown) => (body: JsonValue) => {
      answer.body = body;
      return read(body);
    };
    const perform = createTransport({
      ...{ baseUrl: toBaseUrl(service), token, health, channels },
      async fetch(...called) {
        const response = await globalThis.fetch(...called);
        answer.httpStatus = response.status;
        return response;
      },
    });
    const about = { purpose, kind, id, sentAt: now() };
    try {
      await perform({
        ...request,
        ...(ending && { signal: ending }),
        errors: service === "models" ? MODEL_ADAPTER.errors : DEPLOYMENT_ERRORS,
        timeoutMs: request.call === "cancel" ? CANCEL_TIMEOUT_MS : TIMEOUT_MS,
        maxBytes: PAYLOAD_BOUNDS.maxBytes,
        readReport: keep(readReport),
        readRefusal: keep(readRefusal),
      });
      return { ...about, ...answer, error: null };
    } catch (error) {
      if (error instanceof RunComfyError) return { ...about, ...answer, error };
      throw error;
    }
  }

  /** Waits until a request may leave. */
  async function wait(ms: number): Promise<void> {
    const waitMs = Math.max(ms, pausedUntil - now());
    if (waitMs > 0) await sleep(waitMs, { signal });
    signal.throwIfAborted();
    if (now() >= endsAt) throw new OutOfTimeError();
  }

  async function send(sent: Sent): Promise<Exchange> {
    const isPost = sent.call === "submit" || sent.call === "cancel";
    for (let tries = 1; ; tries += 1) {
      await wait(tries === 1 ? 0 : RETRY_MS);
      // What was begun with a POST is waited for: only its answer says what there is to cancel.
      const answered = await exchange(sent, isPost ? null : signal);
      made.push(answered);
      if (isPost || !isOutage(answered) || tries === MAX_TRIES) return answered;
    }
  }

  return {
    /** In their order. */
    made,
    open,
    print,
    send,
    wait,

    /** Sends an input once, and resolves with what the job is known by from now on. */
    async submit(
      target: Target,
      json: JsonObject,
      purpose: "submit" | "refused",
    ): Promise<RequestReference | "refused" | "unknown"> {
      const { kind, deploymentId: id } = target;
      const { service, toSubmitPath } = findAdapter(kind);
      const sent = { purpose, service, kind, id, call: "submit", json } as const;
      const path = toSubmitPath(target, null);
      const { body, error } = await send({ ...sent, path, readReport: readRequestId });
      const requestId = error === null ? readRequestId(body ?? null) : null;
      if (requestId !== null) {
        const request = { ...target, requestId };
        open.set(requestId, request);
        print(`${id} accepted ${requestId}.`);
        return request;
      }
      if (error?.delivery !== "unknown") return "refused";
      print(`${id} may have accepted a job all the same. Look at RunComfy's dashboard.`);
      return "unknown";
    },

    /** Asks one thing about a request. */
    async ask(
      request: RequestReference,
      call: "status" | "result" | "cancel",
      purpose: Purpose = call,
    ): Promise<Exchange> {
      return await send(toSent(request, call, purpose));
    },

    /** Asks for the head of a file of an output, without the token; no redirect is followed. */
    async askForFile(url: string, { kind }: Pick<Target, "kind">): Promise<void> {
      await wait(0);
      const address = new URL(url);
      const isOwn = address.origin === new URL(toBaseUrl(findAdapter(kind).service)).origin;
      const sentAt = now();
      const isAsked = isOwn || address.protocol === "https:";
      const head = isAsked ? await readHead(address, isOwn, signal) : null;
      const { httpStatus = null, ...headers } = head ?? {};
      const body = { url, ...headers };
      made.push({ purpose: "file", kind, id: null, sentAt, httpStatus, body, error: null });
    },

    /** Cancels what may be waiting or running, and prints the outcome. */
    async cancelOpen(): Promise<void> {
      for (const request of open.values()) {
        open.delete(request.requestId);
        const { body, error } = await exchange(toSent(request, "cancel", "cancel"), null);
        const outcome = error === null ? findAdapter(request.kind).readCancel(body ?? null) : null;
        print(`${request.requestId} of ${request.deploymentId} ${OUTCOMES[outcome ?? "unknown"]}`);
      }
    },
  };
}

const OUTCOMES = {
  cancelled: "is cancelled.",
  requested: "is asked to be cancelled. RunComfy's dashboard shows whether it was.",
  "not-cancellable": "can't be cancelled any more: it has ended, or runs to its end.",
  unknown:
    "may be waiting or running, as the cancel was not answered. Look at RunComfy's dashboard.",
} as const;

function toSent(
  request: RequestReference,
  call: "status" | "result" | "cancel",
  purpose: Purpose,
): Sent {
  const { kind, requestId: id } = request;
  const { service, toRequestPath, readStatus, readResult, readEarlyResult, readCancel } =
    findAdapter(kind);
  const readers = {
    status: { readReport: readStatus },
    result: { readReport: readResult, readRefusal: readEarlyResult },
    cancel: { readReport: readCancel, readRefusal: readCancel },
  };
  return { purpose, service, kind, id, call, path: toRequestPath(request, call), ...readers[call] };
}

/** Of what is no call about a job. */
function readUnlessError(body: JsonValue): JsonValue | null {
  return readErrorEnvelope(body) === null ? body : null;
}

/** Null where nobody answers. */
async function readHead(url: URL, isOwn: boolean, signal: AbortSignal) {
  const fail = (): Error => new Error("There is no such file.");
  try {
    const response = await sendRequest(url, {
      admits: isOwn ? null : isPublicAddress,
      signal,
      patienceMs: TIMEOUT_MS,
      failures: { notAdmitted: fail, tooSlow: fail, broken: fail },
    });
    response.destroy();
    const { statusCode = 0, headers } = response;
    const cacheControl = headers["cache-control"] ?? "";
    const [expiration = ""] = [headers["x-amz-expiration"]].flat();
    return { httpStatus: statusCode, cacheControl, expiration };
  } catch {
    signal.throwIfAborted();
    return null;
  }
}
