import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { DATABASES, SANDBOX, start } from "./open-gateway.ts";

/** A port that something else listens on until the test ends. */
async function takePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return String(address.port);
}

test("where a credential is needed, GraphiQL shows the sandbox's own deployments and none of a file", async () => {
  const folder = await createTemporaryFolder();
  const file = join(folder, "deployments.json");
  await writeFile(file, '{"deployments":[{"id":"in-a-file","name":"Secret"}]}');
  const keys = { AUTH: "api-keys", API_KEYS_FILE: join(folder, "keys.json") };
  await writeFile(keys.API_KEYS_FILE, '{"keys":[]}', { mode: 0o600 });
  const readPage = async (variables: Readonly<Record<string, string>>) => {
    const { url } = await start({ ...SANDBOX, ...variables });
    const response = await fetch(`${url}/graphql`, { headers: { accept: "text/html" } });
    return await response.text();
  };
  expect(await readPage(keys)).toContain("6f1c2a9e-3b47-4d0e-9a51-7c8e21d4b601");
  const closed = await readPage({ ...keys, DEPLOYMENTS_FILE: file });
  expect(closed).not.toContain("in-a-file");
  expect(closed).toContain("tab 3 shows the deployments' ids");
});

test("a sandbox whose port is taken takes a free one, and a variable that may have been meant is suggested", async () => {
  const port = await takePort();
  const CORS_ORIGIN = "https://app.example.com";
  const { gateway, warnings } = await start({ ...SANDBOX, SANDBOX_PORT: port, CORS_ORIGIN });
  expect(gateway.upstream.origin).not.toContain(port);
  expect(warnings()).toEqual([
    expect.stringContaining("Did you mean CORS_ORIGINS?"),
    expect.stringContaining(`Port ${port} is taken`),
  ]);
  expect(warnings().join("")).not.toContain("example.com");
});

test("a start that fails closes what it had opened, so that the next one can open it", async () => {
  const FILES_URL = `file:${await createTemporaryFolder()}`;
  const variables = { ...SANDBOX, DATABASE_URL: await DATABASES.SQLite(), FILES_URL };
  const PORT = await takePort();
  const failing = start({ ...variables, PORT });
  await expect(failing).rejects.toThrow(`Port ${PORT} of 127.0.0.1 is in use.`);
  const { url } = await start(variables);
  expect((await fetch(`${url}/health`)).status).toBe(200);
});
