/** Where time and chance come from: the platform, as it names them, or a simulation. */
export type Platform = {
  readonly Date: { now(): number };
  readonly Math: { random(): number };
  readonly crypto: { getRandomValues(numbers: Uint32Array<ArrayBuffer>): Uint32Array };
  readonly AbortSignal: { timeout(ms: number): AbortSignal };
  setTimeout(act: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
};

export let platform: Platform = globalThis;

/** Takes time and chance from there, and not from the platform. */
export function setPlatform(other: Platform): void {
  platform = other;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => platform.setTimeout(done, ms));
}
