import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { SANDBOX, start } from "./open-gateway.ts";

const GLOW = { id: "glow", name: "Warm Glow" };

async function startUpstream() {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  return upstream;
}

test("a token that the upstream accepts is asked about once, and nothing is said", async () => {
  const { gateway, upstream, warnings, probe, ask } = await start();
  expect(gateway.upstream).toMatchObject({ isSandbox: false, token: "accepted" });
  expect(upstream.requests.map(({ call }) => call)).toEqual(["list"]);
  expect(warnings()).toEqual([]);
  expect(await probe()).toMatchObject({ status: 200 });
  expect(await ask("{ isTokenRefused }")).toEqual({ isTokenRefused: false });
});

test.each([[null], [[GLOW]]])(
  "a token that the upstream refuses is a warning with what to do, with the file %j, and clients are told",
  async (deployments) => {
    const file = join(await createTemporaryFolder(), "deployments.json");
    await writeFile(file, JSON.stringify({ deployments }));
    const { gateway, warnings, probe, ask } = await start({
      RUNCOMFY_API_TOKEN: "wrong",
      DEPLOYMENTS_FILE: deployments === null ? "" : file,
    });
    expect(gateway.upstream.token).toBe("refused");
    const ofToken = /does not accept .*Set RUNCOMFY_API_TOKEN/;
    expect(warnings().filter((line) => ofToken.test(line))).toHaveLength(1);
    expect(warnings().join()).not.toMatch(/wrong|127\.0\.0\.1/);
    // The database answers, so whatever can be read can be read here.
    expect(await probe()).toMatchObject({ status: 200 });
    expect(await ask("{ isTokenRefused }")).toEqual({ isTokenRefused: true });
  },
);

test("an upstream that is away is a warning, and no reason not to start", async () => {
  const upstream = await startUpstream();
  await upstream.close();
  const { gateway, warnings, probe } = await start({}, { upstream });
  expect(gateway.upstream.token).toBe("unknown");
  expect(warnings()).toEqual([expect.stringContaining("Check the gateway's token")]);
  expect(await probe()).toMatchObject({ status: 200 });
});

test("an upstream that takes long is not waited for, and its answer counts when it comes", async () => {
  const upstream = await startUpstream();
  upstream.setDeployments([GLOW]);
  const release = upstream.hold("list");
  const { gateway, warnings, ask } = await start({}, { upstream });
  expect(gateway.upstream.token).toBe("unknown");
  release();
  expect(await ask("{ deployments { name } }")).toEqual({ deployments: [{ name: GLOW.name }] });
  expect(upstream.count("list")).toBe(1);
  expect(warnings()).toEqual([]);
});

test("the sandbox takes the token that the gateway makes for it, so nobody asks", async () => {
  const { gateway, upstream } = await start(SANDBOX);
  expect(gateway.upstream).toMatchObject({ isSandbox: true, token: "accepted" });
  expect(upstream.requests).toEqual([]);
});
