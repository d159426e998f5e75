import { type ChildProcess, fork } from "node:child_process";
import { createHash, randomInt } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

import type { Logger } from "pino";
import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";

import { startCleanup } from "../../src/files/cleanup.ts";
import type { FileStore } from "../../src/files/file-store.ts";
import { createKeepOutputs } from "../../src/files/keep-outputs.ts";
import { findAssets } from "../../src/job/asset.ts";
import type { Job } from "../../src/job/job.ts";
import type { JobStore } from "../../src/store/job-store.ts";
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
  const untilSettled = async (job: Job) => {
    const isSettled = async () =>
      (await opened.stateOf(job)).every(({ state }) => state !== "PENDING");
    await expect.poll(isSettled, LATER).toBe(true);
    return await opened.stateOf(job);
  };
  return { ...opened, folder: join(folder, "test"), untilSettled };
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

test.each([
  ["leads to this machine", "http://127.0.0.1:1/a", /https|public/],
  ["is declared to be too large", "/declared", /larger/],
  ["turns out to be too large", "/large", /larger/],
])("a file that %s has FAILED at once, with a reason for clients", async (_what, path, reason) => {
  const { origin } = await serveFiles(({ url }, response) => {
    if (url === "/large") response.write("x");
    response.end(Buffer.alloc(2_000));
  });
  const { succeed, untilSettled } = await open({ origin, mostBytes: 1_000 });
  const [file] = await untilSettled(await succeed([path]));
  expect(file).toMatchObject({ state: "FAILED", file: null, reason: expect.any(String) });
  expect(file?.reason).toMatch(reason);
  expect(file?.reason).not.toMatch(/127|example/);
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
  const job = await succeed(Array.from({ length: 40 }, (_, index) => `${base}${index}`));
  const count = async () => (await stateOf(job)).filter((file) => file.state === state).length;
  await expect.poll(count, LATER).toBe(40);
  if (state === "PENDING") await expect.poll(() => asked.length, LATER).toBeGreaterThan(80);
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
  const job = await succeed(Array.from({ length: 20 }, (_, index) => `/${index}`));
  await expect.poll(() => putBack.mock.calls.length, LATER).toBeGreaterThan(40);
  expect(lines).toEqual([expect.stringContaining("Outputs can't be kept; the gateway tries")]);
  await rm(folder);
  await rename(`${folder}-away`, folder);
  const kept = await untilSettled(job);
  expect(new Set(kept.map(({ state }) => state))).toEqual(new Set(["KEPT"]));
});

test("a file that breaks off is fetched again, and is never seen half", async () => {
  let calls = 0;
  const { origin, asked } = await serveFiles((request, response) => {
    if (++calls > 1) return send(request, response);
    response.writeHead(200, { "content-length": "1000" });
    response.write("half", () => response.destroy());
  });
  const { succeed, untilSettled, folder } = await open({ origin });
  const kept = await untilSettled(await succeed(["/a"]));
  expect(kept).toMatchObject([{ state: "KEPT", bytes: bytesOf("/a").length }]);
  expect(asked).toHaveLength(2);
  expect(await listFiles(folder)).toHaveLength(1);
});

test("keepOutputs tries again what has FAILED, and changes nothing once all is kept", async () => {
  let bytes = 2_000;
  const { origin } = await serveFiles((_request, response) => response.end(Buffer.alloc(bytes)));
  const { store, keeper, succeed, untilSettled } = await open({ origin, mostBytes: 1_000 });
  const job = await succeed(["/a"]);
  expect(await untilSettled(job)).toMatchObject([{ state: "FAILED" }]);
  bytes = 500;
  const keepOutputs = createKeepOutputs({ store, onKeep: keeper.wake });
  const readAssets = async () => findAssets(`${origin}/a`);
  await keepOutputs(job.id, "o", readAssets);
  expect(await untilSettled(job)).toMatchObject([{ state: "KEPT" }]);
  const settled = await keepOutputs(job.id, "o", readAssets);
  expect(settled.version).toBe((await store.jobs.read(job.id))?.version);
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

const DATABASES = [
  {
    name: "SQLite",
    keepers: 1,
    create: async () => `file:${await createTemporaryFolder()}/a.db`,
  },
  {
    name: "two gateways with Postgres",
    keepers: 2,
    async create() {
      const { url, drop } = await createDatabase();
      onTestFinished(drop);
      return url;
    },
  },
];

test.each(DATABASES)(
  "kill -9 on $name while 80 jobs succeed loses no file, and fetches none twice but those under way",
  { timeout: 120_000 },
  async ({ keepers, create }) => {
    const { origin, asked } = await serveFiles((request, response) => {
      // Slow enough that a kill meets some.
      setTimeout(() => send(request, response), randomInt(30));
    });
    const databaseUrl = await create();
    const folder = await createTemporaryFolder();
    const run = async () => {
      const program = new URL("./keeper-child.ts", import.meta.url);
      const child = fork(program, [databaseUrl, folder, origin, "80"]);
      onTestFinished(() => void child.kill("SIGKILL"));
      await once(child, "message");
      return child;
    };
    const kill = async (child: ChildProcess) => {
      child.kill("SIGKILL");
      await once(child, "exit");
    };
    const children = await Promise.all(Array.from({ length: keepers }, run));
    await sleep(randomInt(20, 150));
    await Promise.all(children.map(kill));
    const last = await run();
    expect(await once(last, "message")).toEqual(["all kept", undefined]);
    await kill(last);
    const { store, files, close } = await openKeeper({ databaseUrl, folder, origin });
    onTestFinished(close);
    const kept = await expectAllKept(store, join(folder, "test"));
    await endLeases(databaseUrl);
    await cleanUp(store, files);
    expect(await listFiles(join(folder, "test"))).toEqual(kept);
    // So many are under way at most when one is killed.
    expect(asked.length - new Set(asked).size).toBeLessThanOrEqual(16 * keepers);
  },
);

/** Lets all leases end, as if time had passed. */
async function endLeases(databaseUrl: string): Promise<void> {
  const statement = "update pending_deletions set due_at = 0";
  if (!databaseUrl.startsWith("file:")) return await runIn(databaseUrl, statement);
  using database = new DatabaseSync(databaseUrl.slice("file:".length));
  database.exec(statement);
}

/** Resolves with the names of the files. */
async function expectAllKept(store: JobStore, folder: string): Promise<ReadonlySet<unknown>> {
  const filter = { statuses: ["SUCCEEDED"] } as const;
  const { jobs } = await store.jobs.list({ filter, direction: "forward", limit: 1_000 });
  expect(jobs.length).toBeGreaterThanOrEqual(80);
  const kept = await store.files.readMany(jobs.map(({ id }) => id));
  for (const files of kept)
    for (const [url, { file }] of files)
      expect(await readFile(join(folder, file ?? "missing"))).toEqual(
        bytesOf(URL.parse(url)?.pathname ?? ""),
      );
  return new Set(kept.flatMap((files) => [...files.values()].map(({ file }) => file)));
}
