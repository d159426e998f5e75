import { rename } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import type { Gateway } from "../../src/gateway.ts";
import { startGateway } from "../../src/gateway.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { submit } from "../support/graphql-client.ts";
import { createDatabase } from "../support/postgres.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const PATIENCE = { timeout: 15_000 };
const SUBMIT = `mutation { submitJob(deploymentId: "warm-glow", input: {}) { __typename } }`;

async function open(databaseUrl: string) {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const config = loadConfig({
    PORT: "0",
    DATABASE_URL: databaseUrl,
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
  });
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const gateway = await startGateway(config, { log });
  onTestFinished(() => gateway.close().catch(() => undefined));
  return { upstream, gateway, lines };
}

/** What is answered to a document, as it is sent. */
async function ask({ url }: Gateway, query: string): Promise<unknown> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  return await response.json();
}

test("while another program locks the file, a write is refused with when to try again, and a read is answered", async () => {
  const path = join(await createTemporaryFolder(), "gateway.db");
  const { gateway, upstream, lines } = await open(`file:${path}`);
  const countLines = (start: string) =>
    lines.filter((line) => line.includes(`"msg":"${start}`)).length;
  const polled = upstream.hold("status");
  for (let jobs = 0; jobs < 5; jobs++) await submit(gateway.url, "warm-glow", "Glow");
  const other = new DatabaseSync(path);
  onTestFinished(() => other.close());
  other.exec("begin immediate");
  polled();
  // What was seen can't be written down.
  await expect.poll(() => countLines("Jobs can't be polled"), PATIENCE).toBe(1);
  expect(await ask(gateway, SUBMIT)).toMatchObject({
    errors: [
      {
        message: "The database is busy. Try again in a second.",
        path: ["submitJob"],
        extensions: { code: "UNAVAILABLE", retryAfterSeconds: 1 },
      },
    ],
  });
  expect(upstream.count("submit")).toBe(5);
  const counted = await ask(gateway, "{ jobs { totalCount } }");
  expect(counted).toEqual({ data: { jobs: { totalCount: 5 } } });
  other.exec("rollback");
  expect(await ask(gateway, SUBMIT)).toEqual({
    data: { submitJob: { __typename: "SubmitJobSuccess" } },
  });
  await expect.poll(() => countLines("Jobs are polled again"), PATIENCE).toBe(1);
  expect(countLines("Jobs can't be polled")).toBe(1);
  expect(countLines("An operation failed")).toBe(0);
});

test("while Postgres is away, an operation is refused with when to try again", async () => {
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  const url = new URL(database.url);
  const link = await startTcpProxy({ port: Number(url.port) });
  onTestFinished(() => link.close());
  url.port = String(link.port);
  const { gateway, upstream } = await open(url.href);
  link.drop();
  for (const query of [SUBMIT, "{ jobs { totalCount } }"])
    expect(await ask(gateway, query)).toMatchObject({
      errors: [
        {
          message: "The database does not answer at the moment. Try again in a few seconds.",
          extensions: { code: "UNAVAILABLE", retryAfterSeconds: 5 },
        },
      ],
    });
  expect(upstream.count("submit")).toBe(0);
  link.heal();
  await expect.poll(() => ask(gateway, "{ jobs { totalCount } }")).toHaveProperty("data.jobs");
});

test("a file that is no longer the one that was opened makes /ready fail, which the log is told once", async () => {
  const folder = await createTemporaryFolder();
  const path = join(folder, "gateway.db");
  const { gateway, lines } = await open(`file:${path}`);
  const probe = async () => {
    const response = await fetch(`${gateway.url}/ready`);
    return { status: response.status, text: await response.text() };
  };
  await rename(path, join(folder, "moved.db"));
  const replaced = {
    status: 503,
    text: "The database file is no longer the one that the gateway opened. The gateway's log says what to do.\n",
  };
  expect([await probe(), await probe()]).toEqual([replaced, replaced]);
  const told = lines.filter((line) => line.includes("not ready"));
  expect(told).toEqual([expect.stringMatching(/was deleted or replaced.*Start the gateway again/)]);
  expect(told[0]).not.toContain(folder);
  await rename(join(folder, "moved.db"), path);
  expect(await probe()).toEqual({ status: 200, text: "The gateway is ready.\n" });
  expect(lines.at(-1)).toContain("The gateway is ready again.");
});
