import { collectGarbage } from "../support/collect-garbage.ts";

/*
 * Loaded into a gateway's process. At each SIGUSR2 it logs how much of the thread's CPU the longest turn of the event loop
 * has taken since the last one (what else the machine does doesn't count), and what is held without what is garbage.
 */
let before = process.threadCpuUsage();
let longestMs = 0;

// A timer that is always due comes once a turn.
setInterval(note, 1).unref();
process.on("SIGUSR2", () => {
  note();
  const longestTurnMs = longestMs;
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  const line = { level: 30, longestTurnMs, heldBytes: heapUsed + external };
  process.stderr.write(`${JSON.stringify(line)}\n`);
  before = process.threadCpuUsage();
  longestMs = 0;
});

function note(): void {
  const { user, system } = process.threadCpuUsage(before);
  before = process.threadCpuUsage();
  longestMs = Math.max(longestMs, (user + system) / 1_000);
}
