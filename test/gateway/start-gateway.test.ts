import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import type { Logger } from "pino";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { startGateway } from "../../src/gateway.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const SILENT = pino({ level: "silent" });

/** A port that something else listens on until the test ends. */
async function takePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function configure(variables: Readonly<Record<string, string>> = {}) {
  const databaseUrl = `file:${join(await createTemporaryFolder(), "gateway.db")}`;
  return loadConfig({ PORT: "0", SANDBOX_PORT: "0", DATABASE_URL: databaseUrl, ...variables });
}

async function start(config: ReturnType<typeof loadConfig>, log: Logger = SILENT) {
  const gateway = await startGateway(config, { log });
  let closing: Promise<void> | null = null;
  const close = () => (closing ??= gateway.close());
  onTestFinished(close);
  return { ...gateway, close };
}

test("a gateway without a token serves the sandbox's deployments, and is ready", async () => {
  const { url, upstream } = await start(await configure());
  expect(upstream.isSandbox).toBe(true);
  expect((await fetch(`${url}/ready`)).status).toBe(200);
  const response = await fetch(`${url}/graphql?query={deployments{name}}`);
  expect(await response.json()).toMatchObject({
    data: {
      deployments: [{ name: "Warm Glow" }, { name: "Paper Lantern" }, { name: "Slow Tide" }],
    },
  });
});

test("where a credential is needed, GraphiQL tells the sandbox's own deployments and none of a file", async () => {
  const folder = await createTemporaryFolder();
  const file = join(folder, "deployments.json");
  await writeFile(file, '{"deployments":[{"id":"in-a-file","name":"Secret"}]}');
  const keys = { AUTH: "api-keys", API_KEYS_FILE: join(folder, "keys.json") };
  await writeFile(keys.API_KEYS_FILE, '{"keys":[]}', { mode: 0o600 });
  const readPage = async (variables: Readonly<Record<string, string>>) => {
    const { url } = await start(await configure(variables));
    const response = await fetch(`${url}/graphql`, { headers: { accept: "text/html" } });
    return await response.text();
  };
  expect(await readPage(keys)).toContain("submitWarmGlow(");
  const closed = await readPage({ ...keys, DEPLOYMENTS_FILE: file });
  expect(closed).not.toContain("in-a-file");
  expect(closed).toContain("# tab 1 and RunComfy's dashboard show the ids");
  expect(await readPage({ DEPLOYMENTS_FILE: file })).toContain("in-a-file");
});

test("a sandbox whose port is taken takes a free one, and the log says so", async () => {
  const lines: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
  const port = await takePort();
  const { upstream } = await start(await configure({ SANDBOX_PORT: String(port) }), log);
  expect(upstream.origin).not.toContain(String(port));
  expect(lines.join("")).toContain(`Port ${port} is taken`);
});

test("a variable that nobody knows and somebody may have meant is a warning", async () => {
  const lines: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
  await start(await configure({ CORS_ORIGIN: "https://app.example.com" }), log);
  expect(lines).toEqual([expect.stringContaining("Did you mean CORS_ORIGINS?")]);
  expect(lines[0]).not.toContain("example.com");
});

test("a second gateway on a SQLite file is refused before its sandbox takes a port", async () => {
  const lines: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
  const first = await configure();
  await start(first);
  const second = await configure({
    DATABASE_URL: first.databaseUrl,
    SANDBOX_PORT: String(await takePort()),
  });
  await expect(startGateway(second, { log })).rejects.toThrow("Another gateway uses");
  expect(lines).toEqual([]);
});

test("a start that fails closes what it had opened, so that the next one can open it", async () => {
  const config = await configure();
  const port = await takePort();
  await expect(startGateway({ ...config, port }, { log: SILENT })).rejects.toThrow(
    `Port ${port} of 127.0.0.1 is in use.`,
  );
  const { url } = await start(config);
  expect((await fetch(`${url}/health`)).status).toBe(200);
});

test("a gateway that was closed answers no more, and opens again on the same database", async () => {
  const config = await configure();
  const first = await start(config);
  const stream = await fetch(
    `${first.url}/graphql?query=subscription{jobUpdated(id:"job_x"){id}}`,
    {
      headers: { accept: "text/event-stream" },
    },
  );
  expect(await stream.text()).toContain("NOT_FOUND");
  await first.close();
  await expect(fetch(`${first.url}/health`)).rejects.toThrow();
  const second = await start(config);
  expect((await fetch(`${second.url}/ready`)).status).toBe(200);
});

test("an unusable deployments file ends the start with a sentence that names it", async () => {
  const config = await configure({ DEPLOYMENTS_FILE: "/nowhere/deployments.json" });
  await expect(startGateway(config, { log: SILENT })).rejects.toThrow(
    /\/nowhere\/deployments\.json.*DEPLOYMENTS_FILE/s,
  );
});
