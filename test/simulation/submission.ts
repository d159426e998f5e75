import { type Platform, setPlatform } from "../../client/src/environment.ts";
import { fieldOf, type TypedDocument } from "../../client/src/documents.ts";
import { GatewayError, noAnswer } from "../../client/src/gateway-error.ts";
import { createItem, sendUnderKey } from "../../client/src/idempotency-keys.ts";
import { createRequests } from "../../client/src/request.ts";
import {
  IdempotencyConflictError,
  InvalidInputError,
  UpstreamError,
} from "../../src/engine/job/errors.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { CodedError } from "../../src/runtime/coded-error.ts";
import { chance, clock, timeoutSignal } from "../../src/runtime/environment.ts";
import { toCodedError } from "../../src/engine/store/database-error.ts";
import type { SimulatedProcess } from "./world.ts";

/** Each lasts as long as the client tries by itself; after the last one somebody gives up. */
const MAX_PRESSES = 20;
/** Who is to come back tomorrow gives up, too. */
const MAX_WAIT_SECONDS = 3_600;
/** For so long the client promises to repeat a call that has no answer, and after its last pause no longer. */
const PATIENCE_MS = 30_000;
const MAX_PAUSE_MS = 16_001;
/** The client's shortest pause, but for what adding up times loses. */
const MIN_PAUSE_MS = 999;
/** Where the client keeps its keys. */
const KEYS = "simulated keys";

type Result = {
  readonly __typename: string;
  readonly message?: string;
  readonly retryable?: boolean;
  readonly job?: Job;
};
const SUBMIT: TypedDocument<{ readonly submit: Result }, { readonly key?: string }> = "mutation";

type Wish = {
  readonly mark: number;
  readonly isKeyed: boolean;
  /** Reloads the page so long after its first press. */
  readonly hangsUpMs: number | null;
  readonly callers: SimulatedProcess;
  /** Calls a gateway. Rejects with a `GatewayError` where no answer comes. */
  readonly call: (key: string | null) => Promise<Job>;
  readonly wasAccepted: () => boolean;
  /** Notified of a promise that does not hold. */
  readonly onBroken: (sentence: string) => void;
};

/** One press of a button, or one run of a script, with all calls that the client makes of it. */
type Press = {
  readonly key: string | null;
  readonly startedAtMs: number;
  readonly left: PromiseWithResolvers<never>;
  isLeft: boolean;
  /** When the last call ended. */
  endedAtMs: number;
  isAnswered: boolean;
};

/** A job that a caller wants. The client's own code has the keys and repeats what was lost. */
export class Submission {
  readonly #wish: Wish;
  #calls = 0;
  #last: Press | null = null;

  constructor(wish: Wish) {
    this.#wish = wish;
  }

  /** Submits as a page does, until there is a job, or somebody would give up: null. */
  async untilJob(): Promise<Job | null> {
    const { isKeyed, mark } = this.#wish;
    return await this.#insist(async () =>
      isKeyed
        ? await sendUnderKey(KEYS, String(mark), (key) => this.#press(key))
        : await this.#press(null),
    );
  }

  /** Submits as a script does that has kept its key, whatever was answered before. */
  async again(): Promise<Job | null> {
    const key = this.#last?.key ?? null;
    return await this.#insist(() => this.#press(key));
  }

  async #insist(press: () => Promise<Result>): Promise<Job | null> {
    const { callers, isKeyed, mark } = this.#wish;
    for (let presses = 1; presses <= MAX_PRESSES; presses++) {
      try {
        const result = await press();
        if (result.job !== undefined) return result.job;
        throw new GatewayError(result);
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        callers.world.note("submit of", mark, "failed:", error.code, error.message);
        const isAnswered = this.#last?.isAnswered === true;
        if (isAnswered) this.#checkUnsent(error);
        else this.#checkPatience();
        // Where nobody knows what became of it, only a key makes it safe to ask again.
        if (!error.retryable || !(isAnswered || isKeyed)) return null;
        if (Number(error.retryAfterSeconds) > MAX_WAIT_SECONDS) return null;
      }
      await callers.wait(1_000 + callers.chance.random() * 5_000);
    }
    return null;
  }

  async #press(key: string | null): Promise<Result> {
    const { callers, hangsUpMs } = this.#wish;
    const { world } = callers;
    const left = Promise.withResolvers<never>();
    const startedAtMs = world.nowMs;
    const press: Press = {
      key,
      startedAtMs,
      left,
      isLeft: false,
      endedAtMs: -Infinity,
      isAnswered: false,
    };
    this.#last = press;
    if (this.#calls === 0 && hangsUpMs !== null)
      world.schedule(callers, hangsUpMs, () => {
        press.isLeft = true;
        left.reject(noAnswer(new Error("left")));
      });
    const { request, submit } = createRequests((payload) => this.#post(press, payload));
    const answered =
      key === null
        ? request(SUBMIT, {}).then(fieldOf)
        : submit<{ readonly submit: Result }, { readonly key: string }>(SUBMIT, { key });
    return await Promise.race([answered, left.promise]);
  }

  /** What the client sends with, in place of HTTP. */
  async #post(press: Press, payload: object) {
    const { callers, mark, call, onBroken } = this.#wish;
    const { world } = callers;
    const { key = null } = JSON.parse(JSON.stringify(payload)).variables;
    if (press.isAnswered) onBroken(`The client submitted ${mark} again after an answer.`);
    const pauseMs = world.nowMs - press.endedAtMs;
    if (pauseMs < MIN_PAUSE_MS) onBroken(`The client asked for ${mark} again after ${pauseMs} ms.`);
    const spentMs = world.nowMs - press.startedAtMs;
    if (spentMs > PATIENCE_MS + MAX_PAUSE_MS)
      onBroken(`The client still asked for ${mark} after ${spentMs} ms.`);
    try {
      this.#calls += 1;
      const answer = await call(key).then(toSuccess, toFailure);
      press.isAnswered =
        !("errors" in answer) || answer.errors[0]?.extensions.code !== "UNAVAILABLE";
      return answer;
    } finally {
      press.endedAtMs = world.nowMs;
      // Nothing goes on in a page that is gone.
      if (press.isLeft) await new Promise(() => undefined);
    }
  }

  /** The client promises to go on for half a minute. */
  #checkPatience(): void {
    const { callers, mark, onBroken } = this.#wish;
    const { key = null, isLeft = false, startedAtMs = 0 } = this.#last ?? {};
    const tookMs = callers.world.nowMs - startedAtMs;
    if (key !== null && !isLeft && tookMs < PATIENCE_MS)
      onBroken(`The client gave up on ${mark} after ${tookMs} ms without an answer.`);
  }

  /** Who gets the answer that a job was not submitted must not pay for it. */
  #checkUnsent({ code }: GatewayError): void {
    const { mark, wasAccepted, onBroken } = this.#wish;
    // A call of before may have arrived all the same.
    if (this.#calls === 1 && code !== "SUBMISSION_UNKNOWN" && wasAccepted())
      onBroken(`A caller got ${code} for ${mark}, which was accepted.`);
  }
}

function toSuccess(job: Job) {
  return { data: { submit: { __typename: "SubmitJobSuccess", job } } };
}

/** As in the gateway's schema. Throws what is no answer. */
function toFailure(error: unknown) {
  const coded = error instanceof CodedError ? error : toCodedError(error);
  if (coded !== null) return { errors: [coded.toJSON()] };
  // A gateway whose clock is ahead takes a `sendBefore` for one in the past.
  const known = [UpstreamError, IdempotencyConflictError, InvalidInputError];
  if (!(error instanceof Error) || known.every((Known) => !(error instanceof Known))) throw error;
  const { name, message } = error;
  return { data: { submit: { ...error, __typename: name, message } } };
}

/** Runs it with a client that has the clock and the chance of whatever runs it, and no keys yet. */
export async function runWithClient<Value>(act: () => Promise<Value>): Promise<Value> {
  setPlatform(SIMULATED);
  createItem(KEYS).set("");
  try {
    return await act();
  } finally {
    setPlatform(globalThis);
  }
}

const SIMULATED: Platform = {
  Date: { now: clock.now },
  Math: { random: chance.random },
  crypto: {
    getRandomValues(numbers) {
      numbers.set(numbers.map(() => chance.random() * 2 ** 32));
      return numbers;
    },
  },
  AbortSignal: { timeout: timeoutSignal },
  setTimeout: clock.setTimer,
  clearTimeout: (stop) => typeof stop === "function" && stop(),
};
