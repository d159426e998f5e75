import { expect, test } from "vitest";

import { createApiKeysFile } from "../auth/api-keys-file.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { DATABASES, SANDBOX, start } from "./open-gateway.ts";

const PAGE = "http://localhost:5173";
const ACCOUNT = { UPSTREAM: "runcomfy" };

/** The origin that pages of loopback may be of, as a gateway with these variables tells a page of one. */
async function readAdmitted(variables: Readonly<Record<string, string>>): Promise<string | null> {
  const gateway = await start(variables);
  const response = await fetch(`${gateway.url}/graphql`, {
    method: "OPTIONS",
    headers: { origin: PAGE, "access-control-request-method": "POST" },
  });
  await gateway.end();
  return response.headers.get("access-control-allow-origin");
}

test("pages of loopback may call a gateway that runs the sandbox for everybody on this machine", async () => {
  expect(await readAdmitted(SANDBOX)).toBe(PAGE);
  expect(await readAdmitted({ ...SANDBOX, HOST: "localhost" })).toBe(PAGE);
});

test("they may not where jobs cost money, where callers say who they are, or where CORS_ORIGINS lists others", async () => {
  const keys = await createApiKeysFile();
  await keys.create("web");
  expect(await readAdmitted(ACCOUNT)).toBe(null);
  expect(await readAdmitted({ ...SANDBOX, AUTH: "api-keys", API_KEYS_FILE: keys.file })).toBe(null);
  const others = { ...SANDBOX, CORS_ORIGINS: "https://app.example.com" };
  expect(await readAdmitted(others)).toBe(null);
  expect(await readAdmitted({ ...SANDBOX, CORS_ORIGINS: PAGE })).toBe(PAGE);
});

test("they may not where the database holds a job of an account", async () => {
  const database = {
    DATABASE_URL: await DATABASES.SQLite(),
    FILES_URL: `file:${await createTemporaryFolder()}`,
  };
  expect(await readAdmitted({ ...database, ...SANDBOX })).toBe(PAGE);
  const account = await start({ ...database, ...ACCOUNT });
  const query = `mutation { submitJob(deploymentId: "d", input: { prompt: "a" }) { __typename } }`;
  expect((await account.ask(query)).submitJob.__typename).toBe("SubmitJobSuccess");
  await account.close();
  expect(await readAdmitted({ ...database, ...SANDBOX })).toBe(null);
});
