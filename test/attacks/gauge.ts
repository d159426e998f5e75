import { constants, PerformanceObserver } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";

import { collectGarbage } from "../support/collect-garbage.ts";

/*
 * Loaded into a gateway's process. At each SIGUSR2 it logs how much the longest turn of the event loop has taken since the
 * last one, and what is held without what is garbage.
 *
 * What a turn takes is the thread's CPU, in pieces of a fixed work that the thread does now and then meanwhile: on a machine
 * that is slow, or does other things as well, both take longer. Collections of the whole heap don't count: they come in any
 * turn, and the fewer cores are free, the more of them the thread does itself.
 */

/** 64 KiB of numbers to parse. */
const PIECE = `[1${",1".repeat(32_767)}]`;
const BETWEEN_PIECES_MS = 50;
/** What takes less is never the longest turn that matters. */
const MIN_TURN_MS = 10;

type Turn = { readonly beganAt: number; readonly endedAt: number; cpuMs: number };

let turns: Turn[] = [];
let piecesMs: number[] = [];
let beganAt = performance.now();
let cpu = process.threadCpuUsage();

// A timer that is always due comes once a turn.
setInterval(endTurn, 1).unref();
setInterval(doPiece, BETWEEN_PIECES_MS).unref();

new PerformanceObserver((collections) => {
  for (const collection of collections.getEntries()) {
    const { startTime, duration } = collection;
    if (Object(collection).detail.kind === constants.NODE_PERFORMANCE_GC_MINOR) continue;
    for (const turn of turns)
      if (startTime >= turn.beganAt && startTime < turn.endedAt) turn.cpuMs -= duration;
  }
}).observe({ entryTypes: ["gc"] });

process.on("SIGUSR2", () => void report());

async function report(): Promise<void> {
  endTurn();
  doPiece();
  // A collection is reported a turn or two after it.
  for (let count = 0; count < 3; count++) await nextTurn();
  const pieceMs = piecesMs.toSorted((one, other) => one - other)[piecesMs.length >> 1] ?? 0;
  const longestTurn = Math.max(0, ...turns.map(({ cpuMs }) => cpuMs)) / pieceMs;
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  const line = { level: 30, longestTurn, heldBytes: heapUsed + external };
  process.stderr.write(`${JSON.stringify(line)}\n`);
  endTurn();
  turns = [];
  piecesMs = [];
}

function endTurn(): void {
  const endedAt = performance.now();
  const { user, system } = process.threadCpuUsage(cpu);
  const cpuMs = (user + system) / 1_000;
  if (cpuMs >= MIN_TURN_MS) turns.push({ beganAt, endedAt, cpuMs });
  beganAt = endedAt;
  cpu = process.threadCpuUsage();
}

/** Too short for the thread's CPU, which the system counts by its own ticks, and for others to come between often. */
function doPiece(): void {
  const piece = performance.now();
  JSON.parse(PIECE);
  piecesMs.push(performance.now() - piece);
}
