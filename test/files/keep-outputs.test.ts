import { fork } from "node:child_process";
import { createHash, randomInt } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

import type { Logger } from "pino";
import { pino } from "pino";
import { describe, expect, onTestFinished, test, vi } from "vitest";

import { createFetchFile } from "../../src/files/fetch-file.ts";
import { startCleanup } from "../../src/files/cleanup.ts";
import type { FileStore } from "../../src/files/file-store.ts";
import { startKeeper } from "../../src/files/keep-outputs.ts";
import { leaseFiles } from "../../src/files/lease-files.ts";
import { openFileStore } from "../../src/files/open-file-store.ts";
import { createKeepOutputs } from "../../src/files/request-keep.ts";
import { advance } from "../../src/job/advance.ts";
import type { Job } from "../../src/job/job.ts";
import { createJob } from "../../src/job/job.ts";
import type { KeptFile } from "../../src/job/asset.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createDatabase, runIn } from "../support/postgres.ts";
import { findAssets } from "../../src/job/asset.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { toResult } from "../support/to-result.ts";

const silent = pino({ level: "silent" });
const LATER = { timeout: 50_000 };
const NO_CREDENTIALS = { accessKeyId: "", secretAccessKey: "", sessionToken: null };

/** The same bytes for the same path, of a size of its own. */
function bytesOf(path: string): Buffer {
  const seed = createHash("sha256").update(path).digest();
  return Buffer.concat(Array.from({ length: 1 + (seed[0] ?? 0) }, () => seed));
}

/** A server of files that counts how often each is asked for. */
async function serveFiles(answer = send) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return { origin: `http://127.0.0.1:${port}`, asked };
}

function send({ url = "" }: IncomingMessage, response: ServerResponse): void {
  response.end(bytesOf(url));
}

async function openKeeper(options: {
  readonly origin: string;
  readonly mostBytes?: number;
  readonly log?: Logger;
}) {
  const { origin, mostBytes = 1_048_576, log = silent } = options;
  const store = await openStore({ upstream: "sandbox", databaseUrl: ":memory:", log });
  const folder = await createTemporaryFolder();
  const opened = await openFileStore({
    url: `file:${folder}`,
    databaseId: "test",
    credentials: NO_CREDENTIALS,
  });
  const files = leaseFiles(opened, store.files);
  const keeper = startKeeper({
    files: store.files,
    store: files,
    fetchFile: createFetchFile({ trustedOrigins: [origin] }),
    mostBytes,
    random: () => 0,
    log,
  });
  onTestFinished(async () => {
    await keeper.close();
    await store.close();
  });

  /** Ends a job whose output names these paths of the origin. */
  async function succeed(paths: readonly string[]): Promise<Job> {
    const job = createJob({
      ownerId: "o",
      deploymentId: "d",
      upstream: "sandbox",
      apiVersion: "v1",
      now: new Date(),
    });
    await store.jobs.insert({ job, input: {}, key: null });
    const urls = paths.map((path) => (path.startsWith("/") ? `${origin}${path}` : path));
    const seen = { kind: "succeeded", output: { urls }, finishedAt: null } as const;
    const ended = advance(job, seen, new Date(), "sandbox");
    await store.jobs.save(ended, toResult(seen.output, urls));
    keeper.wake();
    return ended;
  }

  async function stateOf(job: Job): Promise<readonly KeptFile[]> {
    const [kept] = await store.files.readMany([job.id]);
    return [...(kept?.values() ?? [])];
  }

  const untilSettled = (job: Job) =>
    expect
      .poll(async () => (await stateOf(job)).some(({ state }) => state === "PENDING"), {
        timeout: 20_000,
      })
      .toBe(false);

  return { store, folder: join(folder, "test"), files, keeper, succeed, stateOf, untilSettled };
}

test("each file of an output is kept, whole and once, and each makes a new version of its job", async () => {
  const { origin, asked } = await serveFiles();
  const { store, folder, succeed, stateOf, untilSettled } = await openKeeper({ origin });
  const job = await succeed(["/a", "/b", "/c"]);
  await untilSettled(job);
  const kept = await stateOf(job);
  for (const [index, path] of ["/a", "/b", "/c"].entries()) {
    const { state, file, bytes, contentType } = kept[index] ?? {};
    expect({ state, bytes, contentType }).toEqual({
      state: "KEPT",
      bytes: bytesOf(path).length,
      contentType: "application/octet-stream",
    });
    expect(await readFile(join(folder, file ?? ""))).toEqual(bytesOf(path));
  }
  expect(asked.toSorted()).toEqual(["/a", "/b", "/c"]);
  expect((await store.jobs.read(job.id))?.version).toBe(job.version + 3);
});

test.each([
  ["leads to this machine", "http://127.0.0.1:1/a", /https|public/],
  ["is not https", "http://files.example.com/a", /https/],
  ["is too large", "/large", /larger/],
])(
  "a file that %s has FAILED at once, with a reason that names no URL",
  async (_what, path, reason) => {
    const { origin } = await serveFiles((_request, response) => response.end(Buffer.alloc(2_000)));
    const { succeed, stateOf, untilSettled } = await openKeeper({ origin, mostBytes: 1_000 });
    const job = await succeed([path]);
    await untilSettled(job);
    const [file] = await stateOf(job);
    expect(file).toMatchObject({
      state: "FAILED",
      file: null,
      reason: expect.stringMatching(reason),
    });
    expect(file?.reason).not.toMatch(/127|example/);
  },
);

test.each([
  ["never can be", 1_000, "http://127.0.0.1:1/", "FAILED", "Files of an output are not kept."],
  ["can't be yet", 200, "/", "PENDING", "Files of an output could not be kept; the gateway tries"],
])(
  "of a job's files that %s fetched one writes to the log",
  { timeout: 60_000 },
  async (_what, count, base, state, line) => {
    const lines: string[] = [];
    const log = pino({}, { write: (text: string) => void lines.push(text) });
    const { origin, asked } = await serveFiles((_request, response) => {
      response.writeHead(503).end();
    });
    const { succeed, stateOf } = await openKeeper({ origin, log });
    const job = await succeed(Array.from({ length: count }, (_, place) => `${base}${place}`));
    await expect
      .poll(async () => (await stateOf(job)).filter((file) => file.state === state).length, LATER)
      .toBe(count);
    if (state === "PENDING")
      await expect.poll(() => asked.length, LATER).toBeGreaterThan(2 * count);
    expect(lines).toEqual([expect.stringContaining(line)]);
    expect(lines[0]).toContain(job.id);
  },
);

test("a place of files that fails writes to the log once, until it takes one again", async () => {
  const lines: string[] = [];
  const log = pino({ level: "warn" }, { write: (text: string) => void lines.push(text) });
  const { origin, asked } = await serveFiles();
  const { folder, succeed, stateOf } = await openKeeper({ origin, log });
  await rename(folder, `${folder}-away`);
  await writeFile(folder, "");
  const job = await succeed(Array.from({ length: 50 }, (_, place) => `/${place}`));
  await expect.poll(() => asked.length, LATER).toBeGreaterThan(100);
  expect(lines).toEqual([expect.stringContaining("Outputs can't be kept; the gateway tries")]);
  await rm(folder);
  await rename(`${folder}-away`, folder);
  await expect
    .poll(async () => (await stateOf(job)).every(({ state }) => state === "KEPT"), LATER)
    .toBe(true);
});

test("a file that breaks off is fetched again, and is never seen half", async () => {
  let calls = 0;
  const { origin, asked } = await serveFiles((request, response) => {
    if (++calls > 1) return send(request, response);
    response.writeHead(200, { "content-length": "1000" });
    response.write("half", () => response.destroy());
  });
  const { succeed, stateOf, untilSettled, folder } = await openKeeper({ origin });
  const job = await succeed(["/a"]);
  await untilSettled(job);
  expect(await stateOf(job)).toMatchObject([{ state: "KEPT", bytes: bytesOf("/a").length }]);
  expect(asked).toHaveLength(2);
  expect(await listFiles(folder)).toHaveLength(1);
});

test("keepOutputs tries again what has FAILED, and keeps what nobody had asked for", async () => {
  let bytes = 2_000;
  const { origin } = await serveFiles((_request, response) => response.end(Buffer.alloc(bytes)));
  const kept = await openKeeper({ origin, mostBytes: 1_000 });
  const { store, keeper, succeed, stateOf, untilSettled } = kept;
  const job = await succeed(["/a"]);
  await untilSettled(job);
  expect(await stateOf(job)).toMatchObject([{ state: "FAILED" }]);
  bytes = 500;
  const keepOutputs = createKeepOutputs({ store, onKeep: keeper.wake });
  const readAssets = async () => findAssets(`${origin}/a`);
  await keepOutputs(job.id, "o", readAssets);
  await untilSettled(job);
  expect(await stateOf(job)).toMatchObject([{ state: "KEPT" }]);
  const settled = await keepOutputs(job.id, "o", readAssets);
  expect(settled.version).toBe((await store.jobs.read(job.id))?.version);
});

test("what is under way at a stop is fetched by others at once", async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { origin } = await serveFiles((_request, response) => {
    response.write("begun");
    begin();
  });
  const { store, keeper, succeed } = await openKeeper({ origin });
  await succeed(["/a"]);
  await begun;
  await keeper.close();
  const { files } = await store.files.claimDue({ limit: 1, claimMs: 1_000 });
  expect(files).toHaveLength(1);
});

test("files go with their job, and what a crash kept from its row once its lease has ended", async () => {
  const { origin } = await serveFiles();
  const kept = await openKeeper({ origin });
  const { store, folder, files, succeed, untilSettled, stateOf } = kept;
  const [gone, stays] = [await succeed(["/a"]), await succeed(["/b"])];
  await untilSettled(gone);
  await untilSettled(stays);
  const [file] = await stateOf(stays);
  for (const name of ["young.bin", "old.bin"])
    await (await files.draft(new Blob(["x"]).stream(), { mostBytes: 1 })).keepAs(name, "a/b");
  await store.files.lease("old.bin", -1);
  expect(await store.jobs.delete(gone.id)).toBe(true);
  await cleanUp(store, files);
  expect(await listFiles(folder)).toEqual(new Set([file?.file, "young.bin"]));
});

test("no file gets its name before a row has it", async () => {
  const { store, folder, files } = await openKeeper({ origin: "http://127.0.0.1:1" });
  await using draft = await files.draft(new Blob(["x"]).stream(), { mostBytes: 1 });
  vi.spyOn(store.files, "lease").mockRejectedValue(new Error("the database is away"));
  await expect(draft.keepAs("a.bin", "a/b")).rejects.toThrow("the database is away");
  expect(await listFiles(folder)).toEqual(new Set());
});

test("a file whose lease has ended is not kept under its name", async () => {
  const { origin, asked } = await serveFiles();
  const { store, folder, succeed, stateOf } = await openKeeper({ origin });
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
    create: async () => `file:${join(await createTemporaryFolder(), "gateway.db")}`,
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

describe.each(DATABASES)("kill -9 on $name", { timeout: 120_000 }, ({ keepers, create }) => {
  test("while 200 jobs succeed loses no file, and fetches none twice but those under way", async () => {
    const { origin, asked } = await serveFiles((request, response) => {
      // Slow enough that a kill meets some.
      setTimeout(() => send(request, response), randomInt(30));
    });
    const databaseUrl = await create();
    const folder = await createTemporaryFolder();
    let kills = 0;
    const run = async () => {
      const child = fork(new URL("./keeper-child.ts", import.meta.url), [
        databaseUrl,
        folder,
        origin,
        "200",
      ]);
      await once(child, "message");
      return child;
    };
    const kill = async (child: Awaited<ReturnType<typeof run>>) => {
      kills += 1;
      child.kill("SIGKILL");
      await once(child, "exit");
    };
    for (let round = 0; round < 3; round++) {
      const children = await Promise.all(Array.from({ length: keepers }, run));
      await sleep(randomInt(50, 500));
      await Promise.all(children.map(kill));
    }
    const last = await run();
    expect(await once(last, "message")).toEqual(["all kept", undefined]);
    await kill(last);
    const store = await openStore({ upstream: "sandbox", databaseUrl, log: silent });
    onTestFinished(() => store.close());
    const kept = await expectAllKept(store, join(folder, "test"));
    await endLeases(databaseUrl);
    const place = { url: `file:${folder}`, databaseId: "test", credentials: NO_CREDENTIALS };
    await cleanUp(store, await openFileStore(place));
    expect(await listFiles(join(folder, "test"))).toEqual(kept);
    // So many are under way at most when one is killed.
    expect(asked.length - new Set(asked).size).toBeLessThanOrEqual(16 * kills);
  });
});

/** Lets all leases end, as if time had passed. */
async function endLeases(databaseUrl: string): Promise<void> {
  const statement = "update pending_deletions set due_at = 0";
  if (!databaseUrl.startsWith("file:")) return await runIn(databaseUrl, statement);
  const database = new DatabaseSync(databaseUrl.slice("file:".length));
  database.exec(statement);
  database.close();
}

/** Resolves with the names of the files. */
async function expectAllKept(store: JobStore, folder: string): Promise<ReadonlySet<unknown>> {
  const range = {
    filter: { statuses: ["SUCCEEDED"] },
    direction: "forward",
    limit: 1_000,
  } as const;
  const { jobs } = await store.jobs.list(range);
  expect(jobs.length).toBeGreaterThanOrEqual(200);
  const kept = await store.files.readMany(jobs.map(({ id }) => id));
  for (const [index, job] of jobs.entries()) {
    const [file] = kept[index]?.values() ?? [];
    expect(file?.state, job.id).toBe("KEPT");
    expect(await readFile(join(folder, file?.file ?? ""))).toEqual(bytesOf(`/${job.id}`));
  }
  return new Set(kept.flatMap((files) => [...files.values()].map(({ file }) => file)));
}
