import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** Who asks a small question at a time, in a thread of its own. */
export type QuietClient = {
  /** The times of so many answers, from now on. */
  measureMs(count: number): Promise<readonly number[]>;
  [Symbol.asyncDispose](): Promise<void>;
};

const WARM_UP = 20;

/** Starts one that asks at `url`; `headers` where it has to say who it is. */
export async function startQuietClient(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<QuietClient> {
  const worker = new Worker(new URL("./quiet-client-worker.ts", import.meta.url), {
    workerData: { url, headers },
  });
  const client: QuietClient = {
    async measureMs(count) {
      const samples: number[] = [];
      while (samples.length < count) {
        const [{ isAnswered, tookMs }] = await once(worker, "message");
        if (isAnswered !== true) throw new Error("The quiet client was refused.");
        samples.push(tookMs);
      }
      return samples;
    },
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  };
  await client.measureMs(WARM_UP);
  return client;
}
