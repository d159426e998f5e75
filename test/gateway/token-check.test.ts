import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { pino } from "pino";
import { beforeEach, expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { startGateway } from "../../src/gateway.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const READY = 200;

let upstream: FaultyUpstream;
let warnings: string[];

beforeEach(async () => {
  upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  warnings = [];
});

async function start(variables: Readonly<Record<string, string>> = {}) {
  const config = loadConfig({
    PORT: "0",
    DATABASE_URL: ":memory:",
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
    ...variables,
  });
  const log = pino({ level: "warn" }, { write: (line: string) => void warnings.push(line) });
  const gateway = await startGateway(config, { log });
  onTestFinished(() => gateway.close());
  const { status } = await fetch(`${gateway.url}/ready`);
  return { ...gateway, readiness: status };
}

async function createFile(deployments: readonly unknown[]): Promise<string> {
  const file = join(await createTemporaryFolder(), "deployments.json");
  await writeFile(file, JSON.stringify({ deployments }));
  return file;
}

test("a token that the upstream accepts is asked about once, and nothing is said", async () => {
  const { upstream: seen, readiness } = await start();
  expect(seen).toMatchObject({ isSandbox: false, token: "accepted" });
  expect(upstream.count("list")).toBe(1);
  expect(upstream.requests).toHaveLength(1);
  expect([readiness, warnings]).toEqual([READY, []]);
});

test.each([[null], [[]], [[{ id: "glow", name: "Warm Glow" }]]])(
  "a token that the upstream refuses is a warning with what to do, with the file %j",
  async (deployments) => {
    const file = deployments === null ? "" : await createFile(deployments);
    const { upstream: seen, readiness } = await start({
      RUNCOMFY_API_TOKEN: "wrong",
      DEPLOYMENTS_FILE: file,
    });
    expect(seen.token).toBe("refused");
    const ofToken = warnings.filter((line) =>
      /does not accept .*Set RUNCOMFY_API_TOKEN/.test(line),
    );
    expect(ofToken).toHaveLength(1);
    expect(warnings.join()).not.toMatch(/wrong|127\.0\.0\.1/);
    // The database answers, so whatever can be read can be read here.
    expect(readiness).toBe(READY);
  },
);

test("clients are told whether the token is refused", async () => {
  const ask = async ({ url }: { readonly url: string }) =>
    await (await fetch(`${url}/graphql?query={isTokenRefused}`)).json();
  expect(await ask(await start({ RUNCOMFY_API_TOKEN: "wrong" }))).toEqual({
    data: { isTokenRefused: true },
  });
  expect(await ask(await start())).toEqual({ data: { isTokenRefused: false } });
});

test("an upstream that is away is a warning, and no reason not to start", async () => {
  await upstream.close();
  const { upstream: seen, readiness } = await start();
  expect(seen.token).toBe("unknown");
  expect(warnings).toEqual([expect.stringContaining("Check the gateway's token")]);
  expect(readiness).toBe(READY);
});

test("an upstream that takes long is not waited for, and its answer counts when it comes", async () => {
  upstream.setDeployments([{ id: "glow", name: "Warm Glow" }]);
  const release = upstream.hold("list");
  const { url, upstream: seen } = await start();
  expect(seen.token).toBe("unknown");
  release();
  const response = await fetch(`${url}/graphql?query={deployments{name}}`);
  expect(await response.json()).toEqual({ data: { deployments: [{ name: "Warm Glow" }] } });
  expect(upstream.count("list")).toBe(1);
  expect(warnings).toEqual([]);
});

test("the sandbox takes the token that the gateway makes for it, so nobody asks", async () => {
  const { upstream: seen } = await start({ UPSTREAM: "sandbox", SANDBOX_PORT: "0" });
  expect(seen).toMatchObject({ isSandbox: true, token: "accepted" });
  expect(upstream.requests).toEqual([]);
});
