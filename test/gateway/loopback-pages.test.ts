import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { createApiKeysFile } from "../auth/api-keys-file.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { runGateway } from "../support/gateway-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const PAGE = "http://localhost:5173";

/** The origin that pages of loopback may be of, as a gateway with these variables tells a page of one. */
async function readAdmitted(environment: Readonly<Record<string, string>>): Promise<string | null> {
  const gateway = runGateway({ DATABASE_URL: ":memory:", ...environment });
  const response = await fetch(`${await gateway.url}/graphql`, {
    method: "OPTIONS",
    headers: { origin: PAGE, "access-control-request-method": "POST" },
  });
  await gateway.kill("SIGTERM");
  return response.headers.get("access-control-allow-origin");
}

async function startAccount() {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  return { RUNCOMFY_BASE_URL: upstream.url, RUNCOMFY_API_TOKEN: upstream.token };
}

test("pages of loopback may call a gateway that runs the sandbox for everybody on this machine", async () => {
  expect(await readAdmitted({})).toBe(PAGE);
  expect(await readAdmitted({ HOST: "localhost" })).toBe(PAGE);
});

test("they may not where jobs cost money, where callers say who they are, or where CORS_ORIGINS lists others", async () => {
  const keys = await createApiKeysFile();
  await keys.create("web");
  const others = { CORS_ORIGINS: "https://app.example.com" };
  expect(await readAdmitted(await startAccount())).toBe(null);
  expect(await readAdmitted({ AUTH: "api-keys", API_KEYS_FILE: keys.file })).toBe(null);
  expect(await readAdmitted(others)).toBe(null);
  expect(await readAdmitted({ CORS_ORIGINS: PAGE })).toBe(PAGE);
});

test("they may not where the database holds a job of an account", async () => {
  const folder = await createTemporaryFolder();
  const database = { DATABASE_URL: `file:${join(folder, "gateway.db")}`, UPSTREAM: "sandbox" };
  expect(await readAdmitted(database)).toBe(PAGE);
  const account = { ...database, ...(await startAccount()), UPSTREAM: "runcomfy" };
  const gateway = runGateway(account);
  const query = `mutation { submitJob(deploymentId: "d", input: { prompt: "a" }) { __typename } }`;
  const submitted = await fetch(`${await gateway.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  expect(await submitted.text()).toContain("SubmitJobSuccess");
  await gateway.kill("SIGTERM");
  expect(await readAdmitted(database)).toBe(null);
});
