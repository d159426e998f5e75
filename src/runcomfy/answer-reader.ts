import { extname } from "node:path";
import { Worker } from "node:worker_threads";

import type { JsonValue } from "../job/json.ts";
import { clock } from "../runtime/environment.ts";
import { Queue, SLICE_MS } from "../runtime/queue.ts";
import { type LargeResult, type Reading, readAnswer } from "./read-answer.ts";
import { toUnreadError } from "./runcomfy-error.ts";
import type { ResultReport } from "./wire.ts";

/** Of the worst JSON, so much takes 6 ms to parse, 5 to look through and 3 to write out: together more than two slices. */
export const LARGE_BYTES = 262_144;

/** Of all large results that wait for the worker. */
const MAX_WAITING_BYTES = 134_217_728;

const IDLE_MS = 60_000;

/** The worst 8 MiB take 370. Running out of it would end the process, not the worker alone. */
const MAX_HEAP_MIB = 1_024;

export type AnswerReader = ReturnType<typeof createAnswerReader>;

/**
 * Reads the bodies of answers in slices of the event loop, a large one alone in its turn, and large results in one worker,
 * one after the other, deployments in rotation. The worker starts with the first and ends when it has been idle for a minute.
 */
export function createAnswerReader() {
  const turns = new Queue({ total: 1, sliceMs: SLICE_MS });
  const refuse = () => toUnreadError();
  const large = new Queue({ total: 1, maxWaiting: MAX_WAITING_BYTES, refuse });
  let worker: ReturnType<typeof startWorker> | null = null;
  let stopTimer = (): void => undefined;

  async function ask(result: LargeResult): Promise<Reading<ResultReport>> {
    stopTimer();
    worker ??= startWorker();
    try {
      return await worker.read(result);
    } catch (error) {
      await stop();
      throw error;
    } finally {
      stopTimer = clock.setTimer(() => void stop(), IDLE_MS);
    }
  }

  async function stop(): Promise<void> {
    const stopped = worker;
    worker = null;
    await stopped?.terminate();
  }

  return {
    /** `read` finds the report in the body, as `readAnswer` says. */
    read: <Report>(
      bytes: Uint8Array,
      read: ((body: JsonValue) => Report | null) | undefined,
    ): Promise<Reading<Report>> =>
      turns.run("", async () => {
        if (bytes.length > LARGE_BYTES) await clock.nextTurn();
        return readAnswer(bytes, read);
      }),
    /** Takes the bytes over. Rejects with a `RunComfyError` where too much waits, and with the signal's reason. */
    readLarge: (
      deploymentId: string,
      result: LargeResult,
      signal: AbortSignal,
    ): Promise<Reading<ResultReport>> =>
      large.run(deploymentId, () => ask(result), { signal, weight: result.bytes.length }),
    /** Rejects those under way. */
    async close(): Promise<void> {
      large.close(new Error("The gateway ended before it had read a result."));
      stopTimer();
      await stop();
    },
  };
}

/** A worker that reads one result after the other. Neither keeps the process alive nor gets its variables and options. */
function startWorker() {
  // Beside this file, TypeScript as it is here or JavaScript in a package.
  const program = new URL(`./result-worker${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(program, {
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
  });
  let asked: PromiseWithResolvers<Reading<ResultReport>> | null = null;
  worker.unref();
  worker.on("message", (reading: Reading<ResultReport>) => asked?.resolve(reading));
  worker.on("error", (error) => asked?.reject(error));
  worker.on("exit", () =>
    asked?.reject(new Error("The worker ended before it had read a result.")),
  );
  return {
    /** Takes the bytes over. */
    read(result: LargeResult): Promise<Reading<ResultReport>> {
      asked = Promise.withResolvers();
      worker.postMessage(result, [result.bytes.buffer]);
      return asked.promise;
    },
    terminate: () => worker.terminate(),
  };
}
