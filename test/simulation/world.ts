import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";

import { type Environment, runIn } from "../../src/runtime/environment.ts";
import { Chance } from "./chance.ts";

/** When it begins, in ms since 1970. */
export const BEGINNING = Date.UTC(2026, 0, 1);

/** It costs more than most events. */
const BETWEEN_CHECKS_MS = 100;

type Event = {
  at: number;
  readonly order: number;
  readonly process: SimulatedProcess;
  /** Null once it is cancelled. */
  act: (() => void) | null;
};

/**
 * One clock and one source of chance for all that runs in it. Time passes only from one event to the next; between two,
 * everything that the first one has set off runs as far as it can without waiting for another.
 */
export class World {
  readonly chance: Chance;
  readonly #events = new Heap();
  readonly #trace = createHash("sha256");
  readonly #lines: string[] | null;
  #order = 0;
  #steps = 0;
  nowMs = 0;

  /** Keeps the trace's lines where that is wanted: there are many. */
  constructor(seed: string, isTraced = false) {
    this.chance = new Chance(seed);
    this.#lines = isTraced ? [] : null;
  }

  /** How many events there were. */
  get steps(): number {
    return this.#steps;
  }

  /** What a seed decides, in short. */
  get digest(): string {
    return this.#trace.copy().digest("hex");
  }

  get lines(): readonly string[] {
    return this.#lines ?? [];
  }

  note(...words: readonly unknown[]): void {
    const line = `${this.nowMs.toFixed(3)} ${words.join(" ")}\n`;
    this.#trace.update(line);
    this.#lines?.push(line);
  }

  /** Runs it for a process after so many ms; nothing happens if that is dead by then. Returns how to cancel it. */
  schedule(process: SimulatedProcess, ms: number, act: () => void): () => void {
    const at = this.nowMs + Math.max(0, Number.isFinite(ms) ? ms : 2 ** 31);
    const event: Event = { at, order: this.#order++, process, act };
    this.#events.push(event);
    return () => (event.act = null);
  }

  /** Goes on until it is so, or until nothing is left to happen before `endsAtMs`. Resolves with whether it is so. */
  async run(isSo: () => boolean, endsAtMs: number): Promise<boolean> {
    await nextTurn();
    for (let checkAtMs = this.nowMs; ;) {
      if (this.nowMs >= checkAtMs) {
        if (isSo()) return true;
        checkAtMs = this.nowMs + BETWEEN_CHECKS_MS;
      }
      const event = this.#events.pop();
      if (event === undefined || event.at > endsAtMs) {
        if (event !== undefined) this.#events.push(event);
        return false;
      }
      const { process, act } = event;
      if (act === null || process.isDead) continue;
      if (process.frozenUntilMs > event.at) {
        event.at = process.frozenUntilMs;
        this.#events.push(event);
        continue;
      }
      this.nowMs = Math.max(this.nowMs, event.at);
      this.#steps += 1;
      process.run(act);
      await nextTurn();
    }
  }
}

/** What has a clock of its own, and may be killed or frozen at any moment. */
export class SimulatedProcess {
  readonly name: string;
  readonly chance: Chance;
  readonly world: World;
  /** By which its wall clock is ahead of the world's. */
  aheadMs = 0;
  frozenUntilMs = 0;
  /** It is frozen for so long once it has inserted a job. */
  afterInsertMs = 0;
  isDead = false;
  hasBeenFrozen = false;
  isCutFromDatabase = false;
  isCutFromUpstream = false;
  /** It is killed at that statement or call from now, counted from 1. */
  diesAt: number | null = null;
  #turnsUntilMs = 0;
  /** Node keeps a signal for as long as somebody listens to it, and with it all that sleeps. */
  readonly #sleeping = new Set<() => void>();
  readonly #death = Promise.withResolvers<void>();
  readonly environment: Environment;

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
    this.chance = world.chance.fork(name);
    const { chance } = this;
    const setTimer = (act: () => void, ms: number): (() => void) => world.schedule(this, ms, act);
    const onNextTurn = (act: () => void): void => {
      // In their order, a little apart, so that what others do may come between.
      this.#turnsUntilMs = Math.max(this.#turnsUntilMs, world.nowMs + chance.random() / 10);
      setTimer(act, this.#turnsUntilMs - world.nowMs);
    };
    this.environment = {
      clock: {
        now: () => Math.floor(BEGINNING + world.nowMs + this.aheadMs),
        monotonic: () => world.nowMs,
        setTimer,
        onNextTurn,
        nextTurn: () => new Promise((resolve) => onNextTurn(resolve)),
        repeat(act, ms) {
          let cancel = setTimer(again, ms);
          function again(): void {
            cancel = setTimer(again, ms);
            act();
          }
          return () => cancel();
        },
        sleep: (ms, { signal } = {}) =>
          new Promise((resolve, reject) => {
            signal?.throwIfAborted();
            const leave = (): void => {
              this.#sleeping.delete(leave);
              signal?.removeEventListener("abort", abort);
            };
            const abort = (): void => {
              cancel();
              leave();
              reject(signal?.reason);
            };
            const cancel = setTimer(() => {
              leave();
              resolve();
            }, ms);
            if (signal === undefined) return;
            signal.addEventListener("abort", abort);
            this.#sleeping.add(leave);
          }),
      },
      chance: {
        random: chance.random,
        bytes: (length) => chance.bytes(length),
        uuid: () => chance.uuid(),
      },
    };
  }

  run<Value>(act: () => Value): Value {
    return runIn(this.environment, act);
  }

  /** Waits so long, in which it may die or be frozen. */
  async wait(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.world.schedule(this, ms, resolve));
  }

  /** Resolves with what comes first, and with null after so long. */
  async within<Value>(ms: number, ...others: readonly Promise<Value>[]): Promise<Value | null> {
    const { promise, resolve } = Promise.withResolvers<null>();
    const cancel = this.world.schedule(this, ms, () => resolve(null));
    try {
      return await Promise.race([...others, promise]);
    } finally {
      cancel();
    }
  }

  /** Called before each statement and call: it may be the last one. */
  step(): void {
    if (this.diesAt === null) return;
    this.diesAt -= 1;
    if (this.diesAt <= 0) this.kill();
  }

  freeze(ms: number): void {
    this.world.note(this.name, "is frozen for", Math.round(ms));
    this.hasBeenFrozen = true;
    this.frozenUntilMs = Math.max(this.frozenUntilMs, this.world.nowMs + ms);
  }

  /** Nothing of it happens any more; what waits for it never ends. */
  kill(): void {
    if (this.isDead) return;
    this.world.note(this.name, "is killed");
    this.isDead = true;
    for (const leave of this.#sleeping) leave();
    this.#death.resolve();
  }

  /** Resolves once it is dead. */
  get death(): Promise<void> {
    return this.#death.promise;
  }
}

/** The earliest event first; of those at one time the one that was scheduled first. */
class Heap {
  readonly #events: Event[] = [];

  push(event: Event): void {
    const events = this.#events;
    let at = events.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = events[above];
      if (parent === undefined || !isBefore(event, parent)) break;
      events[at] = parent;
      at = above;
    }
    events[at] = event;
  }

  pop(): Event | undefined {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (first === undefined || last === undefined || events.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = events[2 * at + 1];
      const right = events[2 * at + 2];
      const isRight = left !== undefined && right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (child === undefined || !isBefore(child, last)) break;
      events[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    events[at] = last;
    return first;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
