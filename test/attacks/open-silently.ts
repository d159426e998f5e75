import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("silent-client.ts", import.meta.url));

/** Opens so many connections with a process of their own; `open` tells how many there are, until `close`. */
export async function openSilently(
  port: number,
  count: number,
  firstMessage: string,
): Promise<{ readonly open: number; close(): void }> {
  const child = spawn(process.execPath, [PROGRAM, String(port), String(count), firstMessage], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const close = (): void => void child.kill("SIGKILL");
  for await (const line of createInterface(child.stdout)) {
    const opened = /^open (\d+)$/.exec(line)?.[1];
    if (opened !== undefined) return { open: Number(opened), close };
  }
  throw new Error("The silent client ended before its connections were open.");
}
