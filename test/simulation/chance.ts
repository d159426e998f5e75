import { createHash } from "node:crypto";

/** Numbers that a seed decides: the same for the same seed and label, whatever else is drawn elsewhere. */
export class Chance {
  readonly #seed: string;
  readonly #state: Uint32Array;

  constructor(seed: string) {
    this.#seed = seed;
    const digest = createHash("sha256").update(seed).digest();
    this.#state = Uint32Array.from([0, 4, 8, 12], (at) => digest.readUInt32LE(at));
  }

  /** A source of its own. */
  fork(label: string): Chance {
    return new Chance(`${this.#seed}/${label}`);
  }

  /** In [0, 1). */
  readonly random = (): number => this.#next() / 2 ** 32;

  /** From `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.random() * (most - least + 1));
  }

  happens(probability: number): boolean {
    return this.random() < probability;
  }

  pick<Value>(values: readonly Value[]): Value {
    const value = values[Math.floor(this.random() * values.length)];
    if (value === undefined) throw new Error("There is nothing to pick from.");
    return value;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at++) bytes[at] = this.#next() >>> 24;
    return bytes;
  }

  uuid(): string {
    return this.bytes(16)
      .toString("hex")
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  /** Doty-Humphrey's sfc32. */
  #next(): number {
    const state = this.#state;
    const [a = 0, b = 0, c = 0, count = 0] = state;
    const sum = a + b + count;
    state[3] = count + 1;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  }
}

/** What decides the plan of a seed, or one of the plan's errands. */
export function chanceOf(seed: string, mark?: number): Chance {
  const chance = new Chance(`plan ${seed}`);
  return mark === undefined ? chance : chance.fork(`${mark}`);
}
