import { collectGarbage } from "../support/collect-garbage.ts";

/** Loaded into a gateway's process: whenever it is asked by a signal it logs what it holds, without what is garbage. */
process.on("SIGUSR2", () => {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  process.stderr.write(`${JSON.stringify({ level: 30, heldBytes: heapUsed + external })}\n`);
});
