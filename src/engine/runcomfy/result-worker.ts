import { getPriority, setPriority } from "node:os";
import { parentPort } from "node:worker_threads";

import { type LargeResult, readLargeResult } from "./read-answer.ts";

const PRIORITY = 10;

// The program of the worker that `answer-reader.ts` starts: a reading for each large result. On Linux its thread gives way
// to that of the gateway; elsewhere a priority is the whole process's.
if (process.platform === "linux" && getPriority() < PRIORITY) setPriority(PRIORITY);
parentPort?.on("message", (result: LargeResult) =>
  parentPort?.postMessage(readLargeResult(result), []),
);
