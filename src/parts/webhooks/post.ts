import type { IncomingMessage } from "node:http";

import { clock } from "../../runtime/environment.ts";
import { sendRequest, type Stage } from "../../runtime/send-request.ts";
import type { Targets } from "./target.ts";
import type { CallFailure } from "./webhook.ts";

/** What is read of an answer; without a status there was none. */
export type Answer = {
  readonly status: number | null;
  readonly retryAfterMs: number;
  /** Why there was none. */
  readonly failure?: CallFailure;
};

/** Sends a text to a URL. Resolves without a status where no answer comes, and once `signal` aborts. */
export type Post = (
  url: string,
  message: {
    readonly body: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
) => Promise<Answer>;

/** One that came to nothing on its way. */
export const NO_ANSWER: Answer = { status: null, retryAfterMs: 0, failure: "CUT_OFF" };

const PATIENCE_MS = 15_000;

/** Posts where that is allowed. A server may take `patienceMs` to answer, 15 s by default. */
export function createPost(targets: Targets, patienceMs: number = PATIENCE_MS): Post {
  return async (text, message) => {
    const url = new URL(text);
    const admits = targets.toAdmission(url);
    const request = { ...message, admits, patienceMs, failures: FAILURES };
    return await sendRequest(url, request).then(readHead, toNoAnswer);
  };
}

function readHead(response: IncomingMessage): Answer {
  const { statusCode = null, headers } = response;
  response.destroy();
  const asked = headers["retry-after"] ?? "";
  const ms = /^\d{1,9}$/.test(asked) ? Number(asked) * 1_000 : Date.parse(asked) - clock.now();
  return { status: statusCode, retryAfterMs: Number.isFinite(ms) ? Math.max(0, ms) : 0 };
}

/** No text of it leaves: it may name hosts and addresses. */
class CallError extends Error {
  readonly failure: CallFailure;

  constructor(failure: CallFailure) {
    super(failure);
    this.failure = failure;
  }
}

function toNoAnswer(error: unknown): Answer {
  return error instanceof CallError ? { ...NO_ANSWER, failure: error.failure } : NO_ANSWER;
}

const BY_STAGE: Readonly<Record<Stage, CallFailure>> = {
  address: "NO_ADDRESS",
  connection: "NO_CONNECTION",
  handshake: "TLS",
  answer: "CUT_OFF",
};

const FAILURES = {
  notAdmitted: () => new CallError("NOT_ALLOWED"),
  tooSlow: () => new CallError("TIMED_OUT"),
  broken: (stage: Stage, error: Error | null) =>
    error instanceof CallError ? error : new CallError(BY_STAGE[stage]),
};
