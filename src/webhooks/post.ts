import type { IncomingMessage } from "node:http";

import { clock } from "../runtime/environment.ts";
import { sendRequest } from "../runtime/send-request.ts";
import type { Targets } from "./target.ts";

/** What is read of an answer; without a status there was none. */
export type Answer = { readonly status: number | null; readonly retryAfterMs: number };

/** Sends a text to a URL. Resolves with `NO_ANSWER` where none comes, and once `signal` aborts. */
export type Post = (
  url: string,
  message: {
    readonly body: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
) => Promise<Answer>;

export const NO_ANSWER: Answer = { status: null, retryAfterMs: 0 };

const PATIENCE_MS = 15_000;

/** Posts where that is allowed. A server may take `patienceMs` to answer, 15 s by default. */
export function createPost(targets: Targets, patienceMs: number = PATIENCE_MS): Post {
  return async (text, message) => {
    const url = new URL(text);
    const admits = targets.toAdmission(url);
    const request = { ...message, admits, patienceMs, failures: FAILURES };
    return await sendRequest(url, request).then(readHead, () => NO_ANSWER);
  };
}

function readHead(response: IncomingMessage): Answer {
  const { statusCode = null, headers } = response;
  response.destroy();
  const asked = headers["retry-after"] ?? "";
  const ms = /^\d{1,9}$/.test(asked) ? Number(asked) * 1_000 : Date.parse(asked) - clock.now();
  return { status: statusCode, retryAfterMs: Number.isFinite(ms) ? Math.max(0, ms) : 0 };
}

const fail = (): Error => new Error("no answer");
const FAILURES = { notAdmitted: fail, tooSlow: fail, broken: fail };
