import { fork } from "node:child_process";
import { createHash, randomInt } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { type Logger, pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";

import { startCleanup } from "../../src/engine/files/cleanup.ts";
import type { FileStore } from "../../src/engine/files/file-store.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import { listen } from "../support/listen.ts";
import { openKeeper, silent } from "../support/open-keeper.ts";
import { createDatabase, runIn } from "../support/postgres.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const LATER = { timeout: 50_000 };

/** The same bytes for the same path, of a size of its own. */
function bytesOf(path: string): Buffer {
  const seed = createHash("sha256").update(path).digest();
  return Buffer.concat(Array.from({ length: 1 + (seed[0] ?? 0) }, () => seed));
}

function send({ url = "" }: IncomingMessage, response: ServerResponse): void {
  response.end(bytesOf(url));
}

/** A server of files that remembers what it was asked for. */
async function serveFiles(answer = send) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    answer(request, response);
  });
  const { origin } = await listen(server);
  return { origin, asked };
}

async function open(options: {
  readonly origin: string;
  readonly mostBytes?: number;
  readonly log?: Logger;
}) {
  const folder = await createTemporaryFolder();
  const opened = await openKeeper({ folder, ...options });
  onTestFinished(() => opened.close());
  return { ...opened, folder: join(folder, "test") };
}

test("each file of an output is kept, whole and once, and each makes a new version of its job", async () => {
  const { origin, asked } = await serveFiles();
  const { store, folder, succeed, untilSettled } = await open({ origin });
  const paths = ["/a", "/b", "/c"];
  const job = await succeed(paths);
  const kept = await untilSettled(job);
  const contentType = "application/octet-stream";
  expect(kept).toMatchObject(
    paths.map((path) => ({ state: "KEPT", bytes: bytesOf(path).length, contentType })),
  );
  for (const [index, path] of paths.entries())
    expect(await readFile(join(folder, kept[index]?.file ?? ""))).toEqual(bytesOf(path));
  expect(asked.toSorted()).toEqual(paths);
  expect((await store.jobs.read(job.id))?.version).toBe(job.version + 3);
});

test("a file that is on this machine, or too large, has FAILED at once, with a reason for clients", async () => {
  const { origin } = await serveFiles(({ url }, response) => {
    if (url === "/large") response.write("x");
    response.end(Buffer.alloc(2_000));
  });
  const { succeed, untilSettled } = await open({ origin, mostBytes: 1_000 });
  const paths = ["http://127.0.0.1:1/a", "/declared", "/large"];
  const files = await untilSettled(await succeed(paths));
  const reasons = [/https|public/, /larger/, /larger/].map((reason) =>
    expect.stringMatching(reason),
  );
  expect(files).toMatchObject(reasons.map((reason) => ({ state: "FAILED", file: null, reason })));
  for (const { reason } of files) expect(reason).not.toMatch(/127|example/);
});

test.each([
  ["never can be", "http://127.0.0.1:1/", "FAILED", "Files of an output are not kept."],
  ["can't be yet", "/", "PENDING", "Files of an output could not be kept; the gateway tries"],
])("of a job's files that %s fetched one is logged", async (_what, base, state, line) => {
  const lines: string[] = [];
  const log = pino({}, { write: (text: string) => void lines.push(text) });
  const { origin, asked } = await serveFiles((_request, response) => {
    response.writeHead(503).end();
  });
  const { succeed, stateOf } = await open({ origin, log });
  const job = await succeed(Array.from({ length: 20 }, (_, index) => `${base}${index}`));
  const count = async () => (await stateOf(job)).filter((file) => file.state === state).length;
  await expect.poll(count, LATER).toBe(20);
  if (state === "PENDING") await expect.poll(() => asked.length, LATER).toBeGreaterThan(30);
  expect(lines).toEqual([expect.stringContaining(line)]);
  expect(lines[0]).toContain(job.id);
});

test("a place of files that fails is logged once, until it takes one again", async () => {
  const lines: string[] = [];
  const log = pino({ level: "warn" }, { write: (text: string) => void lines.push(text) });
  const { origin } = await serveFiles();
  const { store, folder, succeed, untilSettled } = await open({ origin, log });
  const putBack = vi.spyOn(store.files, "putBack");
  await rename(folder, `${folder}-away`);
  await writeFile(folder, "");
  const job = await succeed(Array.from({ length: 10 }, (_, index) => `/${index}`));
  await expect.poll(() => putBack.mock.calls.length, LATER).toBeGreaterThan(12);
  expect(lines).toEqual([expect.stringContaining("Outputs can't be kept; the gateway tries")]);
  await rm(folder);
  await rename(`${folder}-away`, folder);
  const kept = await untilSettled(job);
  expect(new Set(kept.map(({ state }) => state))).toEqual(new Set(["KEPT"]));
});

test("a request to keep files tries again what has FAILED, and changes nothing once all is kept", async () => {
  let bytes = 2_000;
  const { origin } = await serveFiles((_request, response) => response.end(Buffer.alloc(bytes)));
  const { store, keeper, succeed, untilSettled } = await open({ origin, mostBytes: 1_000 });
  const job = await succeed(["/a"]);
  expect(await untilSettled(job)).toMatchObject([{ state: "FAILED" }]);
  bytes = 500;
  const request = () => store.files.request(job, [`${origin}/a`]);
  expect(await request()).toBe(true);
  keeper.wake();
  expect(await untilSettled(job)).toMatchObject([{ state: "KEPT" }]);
  const settled = await store.jobs.read(job.id);
  expect(await request()).toBe(false);
  expect((await store.jobs.read(job.id))?.version).toBe(settled?.version);
});

test("what is under way at a stop is fetched by others at once", async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { origin } = await serveFiles((_request, response) => {
    response.write("begun");
    begin();
  });
  const { store, keeper, succeed } = await open({ origin });
  await succeed(["/a"]);
  await begun;
  await keeper.close();
  const { files } = await store.files.claimDue({ limit: 1, claimMs: 1_000 });
  expect(files).toHaveLength(1);
});

test("files go with their job, and what a crash kept from its row once its lease has ended", async () => {
  const { origin } = await serveFiles();
  const { store, folder, files, succeed, untilSettled } = await open({ origin });
  const [gone, stays] = [await succeed(["/a"]), await succeed(["/b"])];
  await untilSettled(gone);
  const [file] = await untilSettled(stays);
  for (const name of ["young.bin", "old.bin"])
    await (await files.draft(new Blob(["x"]).stream(), { mostBytes: 1 })).keepAs(name, "a/b");
  await store.files.lease("old.bin", -1);
  expect(await store.jobs.delete(gone.id)).toBe(true);
  await cleanUp(store, files);
  expect(await listFiles(folder)).toEqual(new Set([file?.file, "young.bin"]));
});

test("no file gets its name before a row has it", async () => {
  const { store, folder, files } = await open({ origin: "http://127.0.0.1:1" });
  await using draft = await files.draft(new Blob(["x"]).stream(), { mostBytes: 1 });
  vi.spyOn(store.files, "lease").mockRejectedValue(new Error("the database is away"));
  await expect(draft.keepAs("a.bin", "a/b")).rejects.toThrow("the database is away");
  expect(await listFiles(folder)).toEqual(new Set());
});

test("a file whose lease has ended is not kept under its name", async () => {
  const { origin, asked } = await serveFiles();
  const { store, folder, succeed, stateOf } = await open({ origin });
  const { lease } = store.files;
  vi.spyOn(store.files, "lease").mockImplementation((name) => lease(name, 0));
  const settling = vi.spyOn(store.files, "settle");
  const job = await succeed(["/a"]);
  await expect.poll(() => settling.mock.settledResults[0]?.value).toBe(false);
  await expect.poll(() => listFiles(folder)).toEqual(new Set());
  expect(asked).toHaveLength(1);
  expect(await stateOf(job)).toMatchObject([{ state: "PENDING" }]);
});

/** Does what a gateway does each minute. */
async function cleanUp(store: JobStore, files: FileStore): Promise<void> {
  const cleanup = startCleanup({ ...store, store: files, log: silent });
  await expect.poll(() => store.files.listPendingDeletions(1), LATER).toEqual([]);
  await cleanup.close();
}

async function listFiles(folder: string): Promise<ReadonlySet<string>> {
  return new Set((await readdir(folder)).filter((name) => name !== ".drafts"));
}

test.each(["SQLite", "Postgres that another gateway shares"])(
  "kill -9 on %s while jobs succeed loses no file, and fetches none twice but those under way",
  async (kind) => {
    const { origin, asked } = await serveFiles((request, response) => {
      // Slow enough that a kill meets some.
      setTimeout(() => send(request, response), randomInt(30));
    });
    const folder = await createTemporaryFolder();
    const isShared = kind !== "SQLite";
    const { url: databaseUrl, drop } = isShared
      ? await createDatabase()
      : { url: `file:${await createTemporaryFolder()}/a.db`, drop: () => undefined };
    onTestFinished(drop);
    const openOther = async () => {
      const opened = await openKeeper({ databaseUrl, folder, origin });
      onTestFinished(opened.close);
      return opened;
    };
    const sharing = isShared ? await openOther() : null;
    const program = new URL("./keeper-child.ts", import.meta.url);
    const child = fork(program, [databaseUrl, folder, origin]);
    const ended = once(child, "exit");
    onTestFinished(() => void child.kill("SIGKILL"));
    const killedAt = randomInt(1, 60);
    await expect.poll(() => asked.length, { interval: 5 }).toBeGreaterThanOrEqual(killedAt);
    child.kill("SIGKILL");
    await ended;
    const { store, files } = sharing ?? (await openOther());
    const filter = { statuses: ["SUCCEEDED"] } as const;
    const { jobs } = await store.jobs.list({ filter, direction: "forward", limit: 1_000 });
    const readKept = async () => {
      const kept = await store.files.readMany(jobs.map(({ id }) => id));
      return kept.flatMap((one) => Array.from(one));
    };
    const readStates = async () => new Set((await readKept()).map(([, { state }]) => state));
    await expect.poll(readStates).toEqual(new Set(["KEPT"]));
    const kept = await readKept();
    expect(kept).toHaveLength(jobs.length);
    for (const [url, { file }] of kept)
      expect(await readFile(join(folder, "test", file ?? "missing"))).toEqual(
        bytesOf(new URL(url).pathname),
      );
    await endLeases(databaseUrl);
    await cleanUp(store, files);
    const names = new Set(kept.map(([, { file }]) => file));
    expect(await listFiles(join(folder, "test"))).toEqual(names);
    // So many are under way at most.
    expect(asked.length - new Set(asked).size).toBeLessThanOrEqual(16);
  },
);

/** Lets all leases end, as if time had passed. */
async function endLeases(databaseUrl: string): Promise<void> {
  const statement = "update pending_deletions set due_at = 0";
  if (!databaseUrl.startsWith("file:")) return await runIn(databaseUrl, statement);
  using database = new DatabaseSync(databaseUrl.slice("file:".length));
  database.exec(statement);
}
