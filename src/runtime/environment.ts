import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes, randomUUID } from "node:crypto";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";

/** Where time and chance come from: of the process, or of a simulation. */
export type Environment = {
  readonly clock: {
    /** Unix time in ms, which may jump. */
    now(): number;
    /** In ms, never goes back. */
    monotonic(): number;
    /** Calls it once, after so many ms. Returns a function that stops it. Unlike sleeps, it doesn't keep the process alive. */
    setTimer(act: () => void, ms: number): () => void;
    /** Calls it repeatedly, so many ms apart. */
    repeat(act: () => void, ms: number): () => void;
    /** Rejects when the signal is aborted. */
    sleep(ms: number, options?: { signal?: AbortSignal; ref?: boolean }): Promise<void>;
    /** Resolves in the next turn of the event loop. */
    nextTurn(): Promise<void>;
    onNextTurn(act: () => void): void;
  };
  readonly chance: {
    /** In [0, 1). */
    random(): number;
    bytes(length: number): Buffer;
    uuid(): string;
  };
};

const PROCESS: Environment = {
  clock: {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    setTimer(act, ms) {
      const timer = setTimeout(act, ms).unref();
      return () => clearTimeout(timer);
    },
    repeat(act, ms) {
      const timer = setInterval(act, ms).unref();
      return () => clearInterval(timer);
    },
    sleep: (ms, options) => delay(ms, undefined, options),
    nextTurn: () => nextTurn(),
    onNextTurn: (act) => void setImmediate(act),
  },
  chance: { random: () => Math.random(), bytes: (length) => randomBytes(length), uuid: randomUUID },
};

const scope = new AsyncLocalStorage<Environment>();

/** Runs it, and all that comes of it, with time and chance from there. */
export function runIn<Value>(environment: Environment, act: () => Value): Value {
  return scope.run(environment, act);
}

function current(): Environment {
  return scope.getStore() ?? PROCESS;
}

export const clock: Environment["clock"] = {
  now: () => current().clock.now(),
  monotonic: () => current().clock.monotonic(),
  setTimer: (act, ms) => current().clock.setTimer(act, ms),
  repeat: (act, ms) => current().clock.repeat(act, ms),
  sleep: (ms, options) => current().clock.sleep(ms, options),
  nextTurn: () => current().clock.nextTurn(),
  onNextTurn: (act) => current().clock.onNextTurn(act),
};

export const chance: Environment["chance"] = {
  random: () => current().chance.random(),
  bytes: (length) => current().chance.bytes(length),
  uuid: () => current().chance.uuid(),
};

/** Aborted after so many ms. */
export function timeoutSignal(ms: number): AbortSignal {
  const over = new AbortController();
  clock.setTimer(() => over.abort(), ms);
  return over.signal;
}
