import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { expect, inject } from "vitest";

import { runKeyCommand } from "../../src/auth/key-command.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { linkProgram, spawnGateway } from "../support/spawn-gateway.ts";
import { GRANTS } from "../support/parts.ts";

/** The header that a key goes in. */
export type Bearer = { readonly authorization: string };

/** A gateway in a process of its own, in front of a faulty upstream. */
export type AttackedGateway = Awaited<ReturnType<typeof startAttackedGateway>>;

const GAUGE = new URL("gauge.ts", import.meta.url).href;
const READING = /"heldBytes":(\d+)/g;

/** Starts one with these variables added. */
export async function startAttackedGateway(
  environment: Readonly<Record<string, string>> = {},
  token = "test-token",
) {
  const upstream = await startFaultyUpstream({ token });
  const folder = linkProgram(inject("programFolder"));
  const keysFile = join(folder, "keys.json");
  const makeKey = async (owner: string, ...limits: readonly string[]): Promise<Bearer> => {
    const words = ["create", "--owner", owner, ...limits];
    const options = { ...GRANTS, file: keysFile, now: new Date() };
    const { result } = await runKeyCommand(words, options);
    return { authorization: `Bearer ${result}` };
  };
  if (environment["AUTH"] === "api-keys") await makeKey("first");
  const process = spawnGateway(
    {
      RUNCOMFY_API_TOKEN: upstream.token,
      RUNCOMFY_BASE_URL: upstream.url,
      API_KEYS_FILE: keysFile,
      ...environment,
      NODE_OPTIONS: `--import=${GAUGE} ${environment["NODE_OPTIONS"] ?? ""}`,
    },
    { folder },
  );
  const listReadings = () => [...process.stderr().matchAll(READING)];

  /** What its objects and buffers take once garbage is collected. */
  async function readHeldMib(): Promise<number> {
    const reported = listReadings().length;
    process.signal("SIGUSR2");
    await expect.poll(() => listReadings().length, { timeout: 30_000 }).toBeGreaterThan(reported);
    return Number(listReadings().at(-1)?.[1]) / 1_048_576;
  }

  /** What is answered to a body as it is. */
  const post = async (body: string, more: Partial<Bearer> = {}): Promise<string> => {
    const headers = { "content-type": "application/json", ...more };
    return await (await fetch(`${url}/graphql`, { method: "POST", headers, body })).text();
  };
  /** What is answered to a document, or to more than that. */
  const ask = (body: string | object, headers?: Partial<Bearer>): Promise<string> =>
    post(JSON.stringify(typeof body === "string" ? { query: body } : body), headers);

  const url = await process.url;
  return {
    process,
    upstream,
    /** Its origin. */
    url,
    port: Number(new URL(url).port),
    /** A new key for an owner, once the gateway knows it; with an `AUTH` of API keys one is there at the start. */
    async createKey(owner: string, ...limits: readonly string[]): Promise<Bearer> {
      const headers = await makeKey(owner, ...limits);
      while (!(await ask("{ __typename }", headers)).includes('"Query"')) await sleep(100);
      return headers;
    },
    ask,
    post,
    readHeldMib,
    /** Fails when it holds more for 20 s: buffers are freed a moment after a collection. */
    async expectHeldBelow(mib: number): Promise<void> {
      // A gateway that is still busy may take long to answer the first time.
      await readHeldMib();
      await expect.poll(readHeldMib).toBeLessThan(mib);
    },
    /** The most memory that its process has had so far. */
    readPeakMib(): number {
      const status = readFileSync(`/proc/${process.pid}/status`, "utf8");
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
    },
    /** Fails when it has died, no longer serves, or logged an error. */
    async expectUnharmed(): Promise<void> {
      expect(await (await fetch(`${url}/health`)).text()).toBe("The gateway runs.\n");
      expect(process.stderr().split("\n").filter(isError)).toEqual([]);
    },
    async end(): Promise<void> {
      await process.end();
      await upstream.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Pino's levels from `error` on, and whatever is no log line, as Node's own last words are. */
function isError(line: string): boolean {
  return line !== "" && !/^\{"level":[1-4]0,/.test(line);
}
