import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import type { Gateway } from "../../src/gateway.ts";
import { startGateway } from "../../src/gateway.ts";
import { damageTable } from "../support/damage-table.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { submit } from "../support/graphql-client.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const COUNT = "{ jobs { totalCount } }";
const READ = "{ jobs { edges { node { input } } } }";

/** A gateway on a file; it ends with the test. */
async function start(path: string) {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const config = loadConfig({
    PORT: "0",
    DATABASE_URL: `file:${path}`,
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
  });
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const gateway = await startGateway(config, { log });
  const close = () => gateway.close().catch(() => undefined);
  onTestFinished(close);
  const errors = () => lines.filter((line) => JSON.parse(line).level >= 50);
  return { upstream, gateway, lines, errors, close };
}

async function ask({ url }: Gateway, query: string, prompt = ""): Promise<unknown> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, ...(prompt !== "" && { variables: { input: { prompt } } }) }),
  });
  return await response.json();
}

function trySubmit(gateway: Gateway, prompt: string): Promise<unknown> {
  const query = `mutation ($input: JSON!) { submitJob(deploymentId: "dep", input: $input) { __typename } }`;
  return ask(gateway, query, prompt);
}

async function probe({ url }: Gateway): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}/ready`);
  return { status: response.status, text: await response.text() };
}

function refused(message: RegExp): object {
  const extensions = { code: "UNAVAILABLE", retryAfterSeconds: 60 };
  return { errors: [{ message: expect.stringMatching(message), extensions }] };
}

/** A gateway, and what runs a statement on its own connection. */
async function startOnDisk() {
  const exec = vi.spyOn(DatabaseSync.prototype, "exec");
  onTestFinished(() => exec.mockRestore());
  const path = join(await createTemporaryFolder(), "gateway.db");
  const started = await start(path);
  const own = exec.mock.contexts.find(
    (one) => one instanceof DatabaseSync && one.location() === path,
  );
  if (!(own instanceof DatabaseSync)) throw new Error("The gateway's connection was not seen.");
  return { ...started, run: (statement: string) => own.exec(statement) };
}

test("on a full disk nothing is submitted, operations say what to do, and all goes on once there is room", async () => {
  const { upstream, gateway, lines, errors, run } = await startOnDisk();
  await submit(gateway.url, "dep", "before");
  // To SQLite it is a disk that has no page left.
  run("pragma max_page_count = 1");

  expect(await trySubmit(gateway, "x".repeat(200_000))).toMatchObject(
    refused(/disk is full.*free some space/),
  );
  expect(await trySubmit(gateway, "small")).toMatchObject(refused(/disk is full/));
  const unready = {
    status: 503,
    text: expect.stringMatching(/^The disk of the database is full.*Free some space.*\n$/),
  };
  expect([await probe(gateway), await probe(gateway)]).toEqual([unready, unready]);
  expect(await ask(gateway, COUNT)).toEqual({ data: { jobs: { totalCount: 1 } } });
  expect(upstream.count("submit")).toBe(1);
  expect(errors()).toEqual([expect.stringContaining("The disk of the database is full")]);

  run("pragma max_page_count = 1000000");
  expect(await trySubmit(gateway, "after")).toEqual({
    data: { submitJob: { __typename: "SubmitJobSuccess" } },
  });
  expect(await probe(gateway)).toEqual({ status: 200, text: "The gateway is ready.\n" });
  expect(upstream.count("submit")).toBe(2);
  expect(errors()).toHaveLength(1);
  expect(lines.filter((line) => line.includes("can be written again"))).toHaveLength(1);
});

test("an outcome that can't be stored is stored once it can be, and no try under its key is sent meanwhile", async () => {
  const { upstream, gateway, lines, run } = await startOnDisk();
  const release = upstream.hold("submit");
  const first = submit(gateway.url, "dep", "a cat", "key");
  await upstream.whenRequested("submit", 1);
  run("pragma query_only = 1");
  release();
  const again = submit(gateway.url, "dep", "a cat", "key");
  const isTold = () => lines.some((line) => line.includes("did not take a submit's outcome"));
  await expect.poll(isTold).toBe(true);
  expect(await probe(gateway)).toMatchObject({ status: 503 });
  run("pragma query_only = 0");
  expect((await again).id).toBe((await first).id);
  expect(upstream.count("submit")).toBe(1);
});

test("once SQLite finds its file malformed nothing is submitted, and operations and /ready say what to do", async () => {
  const path = join(await createTemporaryFolder(), "gateway.db");
  const first = await start(path);
  await submit(first.gateway.url, "dep", "x".repeat(10_000));
  await first.close();
  await damageTable(path, "job_documents");

  const { upstream, gateway, errors } = await start(path);
  expect(await probe(gateway)).toMatchObject({ status: 200 });
  expect(await ask(gateway, READ)).toMatchObject(refused(/damaged.*restore/));
  expect(await ask(gateway, COUNT)).toEqual({ data: { jobs: { totalCount: 1 } } });
  const unready = {
    status: 503,
    text: expect.stringMatching(/^The database file is damaged.*backup.*\n$/),
  };
  expect([await probe(gateway), await probe(gateway)]).toEqual([unready, unready]);
  expect(await trySubmit(gateway, "small")).toMatchObject(refused(/damaged.*restore/));
  expect(upstream.count("submit")).toBe(0);
  expect(errors()).toEqual([expect.stringContaining("The database file is damaged")]);
});
