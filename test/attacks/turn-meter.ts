import { writeFileSync } from "node:fs";

/*
 * Runs within a gateway, before all of it: writes how much CPU the longest turn of its event loop has taken, in
 * milliseconds, into the file that TURNS_FILE names, behind how often SIGUSR2 has come, which begins anew. A timer that is
 * always due comes once a turn.
 */
const file = process.env["TURNS_FILE"] ?? "";
let before = process.threadCpuUsage();
let longestMs = 0;
let begun = 0;

setInterval(() => {
  const used = process.threadCpuUsage(before);
  before = process.threadCpuUsage();
  const usedMs = (used.user + used.system) / 1_000;
  if (usedMs > longestMs) note(usedMs);
}, 1).unref();
process.on("SIGUSR2", () => {
  begun += 1;
  note(0);
});

function note(ms: number): void {
  longestMs = ms;
  writeFileSync(file, `${begun} ${ms}`);
}
