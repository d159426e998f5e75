import { once } from "node:events";
import { Worker } from "node:worker_threads";

export type WaitKind = "job(id)" | "new connections" | "/health" | "files";

/** How long one of them waited, so far or for its answer; false where that was none that it can use. */
export type Wait = {
  readonly kind: WaitKind;
  readonly isAnswered: boolean;
  readonly tookMs: number;
};

/** Clients that ask a little, in a thread of their own. */
export type QuietClients = {
  /** How long those waited who asked within the next so many milliseconds. */
  measure(durationMs: number): Promise<readonly Wait[]>;
  [Symbol.asyncDispose](): Promise<void>;
};

/**
 * Starts those that ask for a job and for `/health` 20 times a second; where there is a file of theirs, one also sends and
 * reads one twice a second.
 */
export function startQuietClients(target: {
  readonly url: string;
  readonly authorization: string;
  /** Asks for a job. */
  readonly body: string;
  /** The path of a file; null where files are not measured. */
  readonly file: string | null;
}): QuietClients {
  const worker = new Worker(new URL("./quiet-clients-worker.ts", import.meta.url), {
    workerData: target,
  });
  return {
    async measure(durationMs) {
      worker.postMessage("begin", []);
      await new Promise((resolve) => setTimeout(resolve, durationMs));
      const answered = once(worker, "message");
      worker.postMessage("end", []);
      const [waits] = await answered;
      return waits;
    },
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  };
}
