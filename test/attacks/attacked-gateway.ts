import { rmSync } from "node:fs";

import { expect, inject } from "vitest";

import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import type { GatewayProcess } from "../support/spawn-gateway.ts";
import { linkProgram, spawnGateway } from "../support/spawn-gateway.ts";

/** A gateway in a process of its own, in front of a faulty upstream. */
export type AttackedGateway = {
  readonly process: GatewayProcess;
  readonly upstream: FaultyUpstream;
  /** Its origin. */
  readonly url: string;
  readonly port: number;
  /** What its objects and buffers take once garbage is collected. */
  readHeldMib(): Promise<number>;
  /** Fails when it holds more for 10 s: buffers are freed a moment after a collection. */
  expectHeldBelow(mib: number): Promise<void>;
  /** Fails when it has died, no longer serves, or logged an error. */
  expectUnharmed(): Promise<void>;
  end(): Promise<void>;
};

const TELL_HELD = new URL("tell-held.ts", import.meta.url).href;

/** Starts one with these variables added. */
export async function startAttackedGateway(
  environment: Readonly<Record<string, string>> = {},
  token = "test-token",
): Promise<AttackedGateway> {
  const upstream = await startFaultyUpstream({ token });
  const folder = linkProgram(inject("programFolder"));
  const process = spawnGateway(
    {
      RUNCOMFY_API_TOKEN: upstream.token,
      RUNCOMFY_BASE_URL: upstream.url,
      ...environment,
      NODE_OPTIONS: `--import=${TELL_HELD} ${environment["NODE_OPTIONS"] ?? ""}`,
    },
    { folder },
  );
  const listHeld = () => [...process.stderr().matchAll(/"heldBytes":(\d+)/g)];

  async function readHeldMib(): Promise<number> {
    const told = listHeld().length;
    process.signal("SIGUSR2");
    await expect.poll(() => listHeld().length, { timeout: 30_000 }).toBeGreaterThan(told);
    return Number(listHeld().at(-1)?.[1]) / 1_048_576;
  }

  const url = await process.url;
  return {
    process,
    upstream,
    url,
    port: Number(new URL(url).port),
    readHeldMib,
    async expectHeldBelow(mib) {
      // A gateway that is still busy may take long to answer the first time.
      await readHeldMib();
      await expect.poll(readHeldMib, { timeout: 10_000 }).toBeLessThan(mib);
    },
    async expectUnharmed() {
      const response = await fetch(`${url}/graphql?query={__typename}`);
      expect(await response.json()).toEqual({ data: { __typename: "Query" } });
      expect(process.stderr().split("\n").filter(isError)).toEqual([]);
    },
    async end() {
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
