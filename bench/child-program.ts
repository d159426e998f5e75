import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import manifest from "../package.json" with { type: "json" };
import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { within } from "./within.ts";

/** A server that runs as a process of its own. */
export type ChildProgram = {
  /** Where its GraphQL is. */
  readonly url: string;
  /** Its resident memory in MiB. */
  readMemory(): number;
  /** What it has used of processors, in steps of 10 ms. */
  readCpuMicros(): number;
  /** Ends it without a warning, and resolves when it has ended. */
  kill(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** How peers are compared: some libraries check more without it. */
export const PRODUCTION = { NODE_ENV: "production" };

/** Starts the gateway as `npm start` does, on a free port; `environment` adds to what points it at the upstream. */
export function startGatewayProgram(
  upstream: Pick<FaultyUpstream, "url" | "token">,
  environment: Readonly<Record<string, string>>,
  core?: number,
): Promise<ChildProgram> {
  const all = {
    PORT: "0",
    LOG_LEVEL: "error",
    RUNCOMFY_API_TOKEN: upstream.token,
    RUNCOMFY_BASE_URL: upstream.url,
    ...environment,
  };
  const flags = manifest.scripts.start.match(/--\S+/g) ?? [];
  return startProgram("../src/main.ts", all, { flags, core });
}

/**
 * Starts a program (a path from here) that prints the address of its GraphQL once it serves. With a `core`, it may use no
 * other one, which takes `taskset`.
 */
export async function startProgram(
  path: string,
  environment: Readonly<Record<string, string>> = {},
  { flags = [], core }: { flags?: readonly string[]; core?: number | undefined } = {},
): Promise<ChildProgram> {
  const words = [...flags, fileURLToPath(new URL(path, import.meta.url))];
  const pinned = ["-c", String(core), process.execPath, ...words];
  const [command, parameters] =
    core === undefined ? [process.execPath, words] : ["taskset", pinned];
  const child = spawn(command, parameters, {
    env: { PATH: process.env["PATH"], ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const ended = once(child, "exit");
  const url = await within(30_000, `${path} starts`, readUrl(child.stdout));
  await (await fetch(new URL("/health", url))).text();
  return {
    url,
    readMemory: () => readMemory(child.pid ?? 0),
    readCpuMicros: () => readCpuMicros(child.pid ?? 0),
    async kill() {
      kill();
      await ended;
      process.removeListener("exit", kill);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await within(12_000, `${path} stops`, ended);
      process.removeListener("exit", kill);
    },
  };
}

async function readUrl(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface(output)) {
    const url = /http:\S+\/graphql/.exec(line)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error("The program ended before it served. What it says above is the reason.");
}

/** As Linux and macOS print it: [[days-]hours:]minutes:seconds, or ticks of 10 ms. */
function readCpuMicros(pid: number): number {
  const stat = `/proc/${pid}/stat`;
  if (existsSync(stat)) {
    const [user, system] = readFileSync(stat, "utf8")
      .replace(/^.*\) /, "")
      .split(" ")
      .slice(11, 13);
    return (Number(user) + Number(system)) * 10_000;
  }
  const text = execFileSync("ps", ["-o", "time=", "-p", String(pid)], { encoding: "utf8" });
  const seconds = text
    .trim()
    .split(/[-:]/)
    .reduce((sum, part) => sum * 60 + Number(part), 0);
  return seconds * 1_000_000;
}

function readMemory(pid: number): number {
  const status = `/proc/${pid}/status`;
  const kib = existsSync(status)
    ? /VmRSS:\s+(\d+)/.exec(readFileSync(status, "utf8"))?.[1]
    : execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" });
  return Number(kib) / 1_024;
}
