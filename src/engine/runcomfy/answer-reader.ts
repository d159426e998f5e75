import { extname } from "node:path";
import { Worker } from "node:worker_threads";

import type { JsonValue } from "../job/json.ts";
import { clock } from "../../runtime/environment.ts";
import { Queue, SLICE_MS } from "../../runtime/queue.ts";
import { type LargeResult, type Reading, readAnswer, readLargeResult } from "./read-answer.ts";
import { toUnreadError } from "./runcomfy-error.ts";
import type { ResultReport } from "./wire.ts";

/** One above that is parsed alone in its turn: of the worst JSON, so much takes 6 ms. */
export const LARGE_BYTES = 262_144;
/** A result above that is read by the worker: the worst takes 1.5 ms to parse, 1.3 to search and 0.8 to write out, a slice. */
export const LARGE_RESULT_BYTES = 65_536;
/** Whose answers are read in one turn of the event loop. */
const MAX_IN_A_TURN = 8;

/** Of all large results that wait for the worker. */
const MAX_WAITING_BYTES = 134_217_728;

const IDLE_MS = 60_000;

/** The worst 8 MiB take 370. Running out of it would end the process, not the worker alone. */
const MAX_HEAP_MIB = 1_024;

export type AnswerReader = ReturnType<typeof createAnswerReader>;

/**
 * Reads the bodies of answers in slices of the event loop, deployments in rotation, a large one alone in its turn, and large
 * results in one worker, one after the other. The worker starts with the first and ends when it has been idle for a minute;
 * `onFailure` gets the reason why it could not read one.
 */
export function createAnswerReader(onFailure: (error: unknown) => void, program = PROGRAM) {
  const turns = new Queue({ perKey: 1, total: MAX_IN_A_TURN, sliceMs: SLICE_MS });
  const refuse = () => toUnreadError();
  const large = new Queue({ total: 1, maxWaiting: MAX_WAITING_BYTES, refuse });
  let worker: ReturnType<typeof startWorker> | null = null;
  let stopTimer = (): void => undefined;
  let isClosed = false;

  async function ask(result: LargeResult): Promise<Reading<ResultReport>> {
    if (isClosed) throw ended();
    stopTimer();
    worker ??= startWorker(program);
    try {
      return await worker.read(result);
    } catch (error) {
      await stop();
      if (isClosed) throw error;
      onFailure(error);
      // Where no worker can run, it is read here: the output was paid for.
      await clock.nextTurn();
      return readLargeResult(result);
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
    /** `read` finds the report in the body, as `readAnswer` says; `deploymentId` is empty where it is about none. */
    read: <Report>(
      deploymentId: string,
      bytes: Uint8Array,
      read: ((body: JsonValue) => Report | null) | undefined,
    ): Promise<Reading<Report>> =>
      turns.run(deploymentId, async () => {
        if (bytes.length > LARGE_BYTES) await clock.nextTurn();
        return readAnswer(bytes, read);
      }),
    /** Rejects with a `RunComfyError` where too much waits, and with the signal's reason. */
    readLarge: (
      deploymentId: string,
      result: LargeResult,
      signal: AbortSignal,
    ): Promise<Reading<ResultReport>> =>
      large.run(deploymentId, () => ask(result), { signal, weight: result.bytes.length }),
    /** Rejects those under way. */
    async close(): Promise<void> {
      isClosed = true;
      large.close(ended());
      stopTimer();
      await stop();
    },
  };
}

function ended(): Error {
  return new Error("The gateway ended before it had read a result.");
}

/** Beside this file, TypeScript as it is here or JavaScript in a package. */
const PROGRAM = new URL(`./result-worker${extname(import.meta.url)}`, import.meta.url);

/** A worker that reads one result after the other. Neither keeps the process alive nor gets its variables and options. */
function startWorker(program: URL) {
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
    read(result: LargeResult): Promise<Reading<ResultReport>> {
      asked = Promise.withResolvers();
      worker.postMessage(result, []);
      return asked.promise;
    },
    terminate: () => worker.terminate(),
  };
}
