import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { findDeploymentsFile, startUpstream } from "../../src/start-upstream.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

test("without a token the sandbox runs the deployments that it is given", async () => {
  const config = loadConfig({ SANDBOX_PORT: "0", SANDBOX_DATA: await createTemporaryFolder() });
  const deployments = [{ id: "own", name: "Own" }];
  const upstream = await startUpstream(config, {
    deployments,
    token: "token",
    log: pino({ level: "silent" }),
  });
  onTestFinished(() => upstream.close());
  const headers = { authorization: "Bearer token" };
  const response = await fetch(`${upstream.baseUrl}/prod/v2/deployments`, { headers });
  expect(await response.json()).toEqual([expect.objectContaining({ id: "own", name: "Own" })]);
});

test("a user's file of deployments goes before the sandbox's own, and RunComfy has none", () => {
  const token = { RUNCOMFY_API_TOKEN: "token" };
  const own = { DEPLOYMENTS_FILE: "own.json" };
  expect(findDeploymentsFile(loadConfig({}))).toMatch(/sandbox\/src\/deployments\.json$/);
  expect(findDeploymentsFile(loadConfig(own))).toBe("own.json");
  expect(findDeploymentsFile(loadConfig(token))).toBeNull();
  const sandbox = { ...token, UPSTREAM: "sandbox" };
  expect(findDeploymentsFile(loadConfig(sandbox))).toMatch(/sandbox\/src\/deployments\.json$/);
  expect(findDeploymentsFile(loadConfig({ ...token, ...own }))).toBe("own.json");
});
