import { readFileSync } from "node:fs";

/** The resident memory of a process on Linux. */
export function readMemoryMib(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024;
}
