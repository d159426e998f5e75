import { rename } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect, onTestFinished, test, vi } from "vitest";

import { createChannels } from "../../src/engine/diagnostics/channels.ts";
import { clock } from "../../src/runtime/environment.ts";
import { damageTable } from "../support/damage-table.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { submit } from "../support/graphql-client.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import type { OpenGateway } from "./open-gateway.ts";
import { DATABASES, start } from "./open-gateway.ts";

const PATIENCE = { timeout: 15_000 };
/** How long the gateway waits for its database while it closes. */
const DATABASE_PATIENCE_MS = 8_500;
/** After which the program gives up a stop. */
const STOP_DEADLINE_MS = 9_400;
const SUBMIT = `mutation ($input: JSON = {}) { submitJob(deploymentId: "dep", input: $input) { __typename } }`;
const COUNT = "{ jobs { totalCount } }";
const READ = "{ jobs { edges { node { input } } } }";
const READY = { status: 200, text: "The gateway is ready.\n" };
const SUBMITTED = { data: { submitJob: { __typename: "SubmitJobSuccess" } } };
const ONE_JOB = { data: { jobs: { totalCount: 1 } } };

const createPath = async () => join(await createTemporaryFolder(), "gateway.db");
const countOf = ({ lines }: OpenGateway, text: string) =>
  lines.filter((line) => line.includes(text)).length;
const errorsOf = ({ lines }: OpenGateway) => lines.filter((line) => JSON.parse(line).level >= 50);

function refused(message: string | RegExp, retryAfterSeconds: number): object {
  const extensions = { code: "UNAVAILABLE", retryAfterSeconds };
  return { errors: [{ message: expect.stringMatching(message), extensions }] };
}

/** The URL of a Postgres that can be cut off. */
async function linkPostgres() {
  const url = new URL(await DATABASES.Postgres());
  const link = await startTcpProxy({ port: Number(url.port) });
  onTestFinished(() => link.close());
  url.port = String(link.port);
  return { link, databaseUrl: url.href };
}

/** A gateway, and what runs a statement on its own connection. */
async function startOnDisk() {
  const exec = vi.spyOn(DatabaseSync.prototype, "exec");
  onTestFinished(() => exec.mockRestore());
  const path = await createPath();
  const gateway = await start({ DATABASE_URL: `file:${path}` });
  const own = exec.mock.contexts.find(
    (one) => one instanceof DatabaseSync && one.location() === path,
  );
  if (!(own instanceof DatabaseSync)) throw new Error("The gateway's connection was not seen.");
  return { gateway, run: (statement: string) => own.exec(statement) };
}

test("while another program locks the file, a write is refused with when to try again, and a read is answered", async () => {
  const path = await createPath();
  const gateway = await start({ DATABASE_URL: `file:${path}` });
  const polled = gateway.upstream.hold("status");
  for (let jobs = 0; jobs < 5; jobs++) await submit(gateway.url, "dep", "Glow");
  using other = new DatabaseSync(path);
  other.exec("begin immediate");
  polled();
  // What was seen can't be stored.
  await expect.poll(() => countOf(gateway, "Jobs can't be polled"), PATIENCE).toBe(1);
  expect(await gateway.answer(SUBMIT)).toMatchObject(
    refused("The database is busy. Try again in a second.", 1),
  );
  expect(gateway.upstream.count("submit")).toBe(5);
  expect(await gateway.answer(COUNT)).toEqual({ data: { jobs: { totalCount: 5 } } });
  other.exec("rollback");
  expect(await gateway.answer(SUBMIT)).toEqual(SUBMITTED);
  await expect.poll(() => countOf(gateway, "Jobs are polled again"), PATIENCE).toBe(1);
  expect(countOf(gateway, "Jobs can't be polled")).toBe(1);
  expect(countOf(gateway, "An operation failed")).toBe(0);
});

test("while Postgres is away, an operation is refused with when to try again", async () => {
  const { link, databaseUrl } = await linkPostgres();
  const { answer, upstream } = await start({ DATABASE_URL: databaseUrl });
  link.drop();
  for (const query of [SUBMIT, COUNT])
    expect(await answer(query)).toMatchObject(
      refused("The database does not answer at the moment. Try again in a few seconds.", 5),
    );
  expect(upstream.count("submit")).toBe(0);
  link.heal();
  await expect.poll(() => answer(COUNT)).toHaveProperty("data.jobs");
});

test("a file that is no longer the one that was opened makes /ready fail, which is logged once", async () => {
  const path = await createPath();
  const { probe, lines } = await start({ DATABASE_URL: `file:${path}` });
  await rename(path, `${path}-moved`);
  const replaced = {
    status: 503,
    text: "The database file is no longer the one that the gateway opened. The gateway's log says what to do.\n",
  };
  expect([await probe(), await probe()]).toEqual([replaced, replaced]);
  const reported = lines.filter((line) => line.includes("not ready"));
  expect(reported).toEqual([
    expect.stringMatching(/was deleted or replaced.*Start the gateway again/),
  ]);
  expect(reported[0]).not.toContain(path);
  await rename(`${path}-moved`, path);
  expect(await probe()).toEqual(READY);
  expect(lines.at(-1)).toContain("The gateway is ready again.");
});

test("on a full disk nothing is submitted, operations say what to do, and all goes on once there is room", async () => {
  const { gateway, run } = await startOnDisk();
  const { upstream, answer, probe } = gateway;
  await submit(gateway.url, "dep", "before");
  // To SQLite it is a disk that has no page left.
  run("pragma max_page_count = 1");

  expect(await answer(SUBMIT, { input: { prompt: "x".repeat(200_000) } })).toMatchObject(
    refused(/disk is full.*free some space/, 60),
  );
  expect(await answer(SUBMIT)).toMatchObject(refused(/disk is full/, 60));
  const unready = {
    status: 503,
    text: expect.stringMatching(/^The disk of the database is full.*Free some space.*\n$/),
  };
  expect([await probe(), await probe()]).toEqual([unready, unready]);
  expect(await answer(COUNT)).toEqual(ONE_JOB);
  expect(upstream.count("submit")).toBe(1);
  expect(errorsOf(gateway)).toEqual([expect.stringContaining("The disk of the database is full")]);

  run("pragma max_page_count = 1000000");
  expect(await answer(SUBMIT)).toEqual(SUBMITTED);
  expect(await probe()).toEqual(READY);
  expect(upstream.count("submit")).toBe(2);
  expect(errorsOf(gateway)).toHaveLength(1);
  expect(countOf(gateway, "can be written again")).toBe(1);
});

test("once SQLite finds its file malformed nothing is submitted, and operations and /ready say what to do", async () => {
  const path = await createPath();
  const first = await start({ DATABASE_URL: `file:${path}` });
  await submit(first.url, "dep", "x".repeat(10_000));
  await first.close();
  await damageTable(path, "job_documents");

  const FILES_URL = `file:${first.folder}`;
  const gateway = await start({ DATABASE_URL: `file:${path}`, FILES_URL });
  const { upstream, answer, probe } = gateway;
  expect(await probe()).toEqual(READY);
  expect(await answer(READ)).toMatchObject(refused(/damaged.*restore/, 60));
  expect(await answer(COUNT)).toEqual(ONE_JOB);
  const unready = {
    status: 503,
    text: expect.stringMatching(/^The database file is damaged.*backup.*\n$/),
  };
  expect([await probe(), await probe()]).toEqual([unready, unready]);
  expect(await answer(SUBMIT)).toMatchObject(refused(/damaged.*restore/, 60));
  expect(upstream.count("submit")).toBe(0);
  expect(errorsOf(gateway)).toEqual([expect.stringContaining("The database file is damaged")]);
});

test("a start that fails when its Postgres fell silent does not wait until that is taken for dead", async () => {
  const { link, databaseUrl } = await linkPostgres();
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  let silentAt = Infinity;
  const channels = createChannels();
  channels.sql.subscribe((sql) => {
    // The last one of a start.
    if (!/^\s*update polls set due_at.* and due_at > /s.test(sql)) return;
    link.blackHole();
    silentAt = performance.now();
  });
  const PORT = new URL(upstream.url).port;
  const { setTimer } = clock;
  const hurried = vi.spyOn(clock, "setTimer");
  hurried.mockImplementation((act, ms) => setTimer(act, ms === DATABASE_PATIENCE_MS ? 100 : ms));
  onTestFinished(() => hurried.mockRestore());
  const failing = start({ PORT, DATABASE_URL: databaseUrl }, { upstream, channels });
  await expect(failing).rejects.toThrow("is in use");
  expect(performance.now() - silentAt).toBeLessThan(STOP_DEADLINE_MS);
});

test("a gateway whose Postgres fell silent stops in time all the same", async () => {
  const { link, databaseUrl } = await linkPostgres();
  const gateway = await start({ DATABASE_URL: databaseUrl });
  for (let jobs = 0; jobs < 5; jobs++) await submit(gateway.url, "long", "slow");
  link.blackHole();
  const asking = gateway.probe().catch(() => null);
  const startedAt = performance.now();
  await gateway.close().catch(() => undefined);
  expect(performance.now() - startedAt).toBeLessThan(STOP_DEADLINE_MS);
  await asking;
});
