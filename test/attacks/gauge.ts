import { collectGarbage } from "../support/collect-garbage.ts";

// Loaded into a gateway's process. At each SIGUSR2 it logs what is held without what is garbage.
process.on("SIGUSR2", () => {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  process.stderr.write(`${JSON.stringify({ level: 30, heldBytes: heapUsed + external })}\n`);
});
