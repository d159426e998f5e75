import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";

import { type LargeResult, readLargeResult } from "./read-answer.ts";

// The program of the worker that `answer-reader.ts` starts: a reading for each large result. On Linux its thread gives way
// to that of the gateway; elsewhere a priority is the whole process's.
if (process.platform === "linux") setPriority(10);
parentPort?.on("message", (result: LargeResult) =>
  parentPort?.postMessage(readLargeResult(result), []),
);
