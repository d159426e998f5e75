import { expect, test } from "vitest";

import { createApiKeysFile } from "../auth/api-keys-file.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { DATABASES, SANDBOX, start } from "./open-gateway.ts";

const PAGE = "http://localhost:5173";

/** The origin that pages of loopback may be of, as a gateway recognizes a page of one. */
async function askAdmitted({ url }: { readonly url: string }): Promise<string | null> {
  const response = await fetch(`${url}/graphql`, {
    method: "OPTIONS",
    headers: { origin: PAGE, "access-control-request-method": "POST" },
  });
  return response.headers.get("access-control-allow-origin");
}

/** The same of a gateway with these variables, which ends with its answer. */
async function readAdmitted(variables: Readonly<Record<string, string>>): Promise<string | null> {
  const gateway = await start(variables);
  return await askAdmitted(gateway).finally(gateway.end);
}

test("pages of loopback may call a gateway that runs the sandbox for everybody on this machine", async () => {
  expect(await readAdmitted({ ...SANDBOX, HOST: "localhost" })).toBe(PAGE);
});

test("they may not where callers say who they are, or where CORS_ORIGINS lists others", async () => {
  const keys = await createApiKeysFile();
  await keys.create("web");
  expect(await readAdmitted({ ...SANDBOX, AUTH: "api-keys", API_KEYS_FILE: keys.file })).toBe(null);
  const others = { ...SANDBOX, CORS_ORIGINS: "https://app.example.com" };
  expect(await readAdmitted(others)).toBe(null);
});

test("they may not where jobs cost money, nor where the database holds a job of an account", async () => {
  const database = {
    DATABASE_URL: await DATABASES.SQLite(),
    FILES_URL: `file:${await createTemporaryFolder()}`,
  };
  expect(await readAdmitted({ ...database, ...SANDBOX })).toBe(PAGE);
  const account = await start({ ...database, UPSTREAM: "runcomfy" });
  expect(await askAdmitted(account)).toBe(null);
  const query = `mutation { submitJob(deploymentId: "d", input: { prompt: "a" }) { __typename } }`;
  expect((await account.ask(query)).submitJob.__typename).toBe("SubmitJobSuccess");
  await account.close();
  expect(await readAdmitted({ ...database, ...SANDBOX })).toBe(null);
});
