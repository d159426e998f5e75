import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";

import { expect } from "vitest";

/** Of one window without attacks. Those with them and without take turns, so that both meet what else the machine does. */
const SAMPLES = 20;
/** Of one window with them, at least. */
const ATTACKS = 5;
const WINDOWS = 3;
/** What stalls the gateway does so in each; other programs of this machine don't. */
const MOST_ROUNDS = 8;
/** Between two attacks: what counts is what one of them costs, not how fast this machine sends them. */
const LEAST_PAUSE_MS = 10;
const MOST_TIMES_SLOWER = 3;
/** Below this a ratio says more about the machine than about the gateway. */
const LEAST_MS = 1;

/** Who asks a small question at a time, in a thread of its own. */
export type QuietClient = {
  /** The times of so many answers, from now on. */
  measureMs(count: number): Promise<readonly number[]>;
  end(): Promise<void>;
};

/** Starts one; `headers` where it has to say who it is. */
export async function startQuietClient(
  { url }: { readonly url: string },
  headers: Readonly<Record<string, string>> = {},
): Promise<QuietClient> {
  const worker = new Worker(new URL("./quiet-client-worker.ts", import.meta.url), {
    workerData: { url: `${url}/graphql`, headers },
  });
  const client: QuietClient = {
    async measureMs(count) {
      const samples: number[] = [];
      while (samples.length < count) {
        const [{ isAnswered, tookMs }] = await once(worker, "message");
        expect(isAnswered).toBe(true);
        samples.push(tookMs);
      }
      return samples;
    },
    end: async () => void (await worker.terminate()),
  };
  await client.measureMs(SAMPLES); // Warm.
  return client;
}

/**
 * Attacks again and again beside a quiet client, each way at least once a round; fails unless the mean of its times
 * stays within 3 times what it is between the attacks. A mean, because a few long waits are what an attack looks like.
 */
export async function expectQuietLatency(
  gateway: { readonly url: string },
  attacks: readonly (() => Promise<unknown>)[],
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const client = await startQuietClient(gateway, headers);
  const perWindow = Math.max(ATTACKS, Math.ceil(attacks.length / WINDOWS));
  let next = 0;
  const takeNext = () => Array.from({ length: perWindow }, () => attacks[next++ % attacks.length]);
  try {
    await expectRatio(async () => {
      const alone: number[] = [];
      const attacked: number[] = [];
      for (let window = 0; window < WINDOWS; window += 1) {
        alone.push(...(await client.measureMs(SAMPLES)));
        attacked.push(...(await measureAttacked(client, takeNext())));
      }
      return [alone, attacked];
    });
  } finally {
    await client.end();
  }
}

/** Fails unless in one of some rounds the mean of the second times is within 3 times that of the first. */
export async function expectRatio(
  measure: () => Promise<readonly [readonly number[], readonly number[]]>,
): Promise<void> {
  let best = Infinity;
  for (let round = 0; round < MOST_ROUNDS && best > MOST_TIMES_SLOWER; round += 1) {
    const [alone, attacked] = await measure();
    best = Math.min(best, toMean(attacked) / Math.max(toMean(alone), LEAST_MS));
  }
  expect(best).toBeLessThanOrEqual(MOST_TIMES_SLOWER);
}

/** From the first of the attacks to the end of the last. */
async function measureAttacked(
  client: QuietClient,
  attacks: readonly ((() => Promise<unknown>) | undefined)[],
): Promise<readonly number[]> {
  const times: number[] = [];
  const state = { isOver: false };
  const measuring = (async () => {
    while (!state.isOver) times.push(...(await client.measureMs(1)));
  })();
  try {
    for (const attack of attacks) {
      const startedAt = performance.now();
      await attack?.();
      // A machine that is slow at the attack is slow at all else.
      await sleep(Math.max(LEAST_PAUSE_MS, (performance.now() - startedAt) / 2));
    }
  } finally {
    state.isOver = true;
    await measuring;
  }
  return times;
}

function toMean(times: readonly number[]): number {
  return times.reduce((sum, time) => sum + time, 0) / times.length;
}
