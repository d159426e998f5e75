import { once } from "node:events";
import { get } from "node:http";
import { Readable } from "node:stream";

import { expect, onTestFinished, test } from "vitest";

import type { Scope } from "../../../src/auth/viewer.ts";
import { OPEN_CATALOGUE } from "../../../src/engine/deployments/catalogue.ts";
import { createChannels } from "../../../src/engine/diagnostics/channels.ts";
import { answerDownload } from "../../../src/parts/downloads/answer-download.ts";
import { Downloads } from "../../../src/parts/downloads/downloads.ts";
import type { FileStore } from "../../../src/engine/files/file-store.ts";
import { createJob } from "../../../src/engine/job/job.ts";
import type { JsonValue } from "../../../src/engine/job/json.ts";
import type { JobStore } from "../../../src/engine/store/job-store.ts";
import { openStore } from "../../../src/engine/store/open-store.ts";
import { NO_FILES } from "../../support/no-files.ts";
import { silent, succeedWith } from "../../support/open-keeper.ts";
import { createDatabase } from "../../support/postgres.ts";
import { readZip } from "../../support/read-zip.ts";
import { serve } from "../../server/serve.ts";
import { PART_TABLES } from "../../support/part-tables.ts";

const OWNER = { ownerId: "o", scopes: new Set<Scope>(["jobs:read"]) };
const BYTES = 300_000;

type Open = FileStore["open"];

async function openDatabase(databaseUrl = ":memory:"): Promise<JobStore> {
  const store = await openStore({
    upstream: "sandbox",
    databaseUrl,
    parts: PART_TABLES,
    log: silent,
  });
  onTestFinished(() => store.close());
  return store;
}

/** A job that has ended, whose files are kept. */
async function keep(store: JobStore, count: number, bytes = BYTES): Promise<string> {
  const urls = Array.from({ length: count }, (_, index) => `https://files.example/${index}.png`);
  const { id } = await succeedWith(store, urls);
  const { files } = await store.files.claimDue({ limit: count, claimMs: 30_000 });
  for (const claimed of files) {
    const file = `${id}-${claimed.number}.png`;
    await store.files.lease(file, 3_600_000);
    const facts = { contentType: "image/png", bytes, width: 1, height: 1, reason: null };
    await store.files.settle(claimed, { ...facts, state: "KEPT", file });
  }
  return id;
}

/** A gateway whose files are what `open` gives. */
async function serveFrom(store: JobStore, openFile: Open = async () => readable()) {
  const { urls } = NO_FILES;
  const findOwner = async (name: string) =>
    (await store.files.findOwners([name])).get(name) ?? null;
  const downloads = new Downloads({
    ...{ store, catalogue: OPEN_CATALOGUE, channels: createChannels() },
    files: { urls, findOwner, store: { open: openFile } },
  });
  const { url } = await serve({
    answers: [
      {
        name: "downloads",
        answerSigned: (exchange, id) => answerDownload(downloads, exchange, id),
      },
    ],
  });
  const toLocal = (signed: string) => url + signed.slice(new URL(signed).origin.length);
  const open = (ids: readonly string[], owner = OWNER) => downloads.create(ids, owner);
  return {
    open,
    toLocal,
    create: async (ids: readonly string[]) => toLocal((await open(ids)).url),
  };
}

const readable = (bytes = BYTES) => Readable.from([Buffer.alloc(bytes, 1)]);

/** A file that does not end by itself. */
function stuck(): Readable {
  let isFirst = true;
  return new Readable({
    read() {
      if (isFirst) this.push(Buffer.alloc(1_000));
      isFirst = false;
    },
  });
}

async function begin(url: string) {
  const request = get(url);
  const [response] = await once(request, "response");
  await once(response, "data");
  return () => request.destroy();
}

test("of an owner one download goes on, on whichever gateway; who hangs up makes room for the next", async () => {
  const { url: databaseUrl, drop } = await createDatabase();
  onTestFinished(drop);
  const stores = [await openDatabase(databaseUrl), await openDatabase(databaseUrl)] as const;
  const id = await keep(stores[0], 1);
  const stream = stuck();
  const first = await serveFrom(stores[0], async () => stream);
  const second = await serveFrom(stores[1]);
  const url = await first.create([id]);
  const stop = await begin(url);
  const others = [url, await first.create([id]), await second.create([id])];
  for (const other of others) {
    const refused = await fetch(other);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "10"]);
    expect(await refused.json()).toMatchObject({
      errors: [
        {
          message: expect.stringMatching(/Wait until it has ended, or stop it/),
          extensions: { code: "RATE_LIMITED", retryAfterSeconds: 10, limit: 1 },
        },
      ],
    });
  }
  stop();
  await expect.poll(() => stream.destroyed).toBe(true);
  const statusOf = async () => (await fetch(others[2] ?? "")).status;
  await expect.poll(statusOf).toBe(200);
});

test("other owners' downloads go on beside it", async () => {
  const store = await openDatabase();
  const id = await keep(store, 1);
  const { create, open, toLocal } = await serveFrom(store, async () => stuck());
  const stop = await begin(await create([id]));
  const { url } = await open([], { ...OWNER, ownerId: "another" });
  expect((await fetch(toLocal(url))).status).toBe(200);
  stop();
});

test.each([
  ["is gone", async () => null],
  ["is shorter than it was", async () => readable(BYTES - 1)],
  ["is longer than it was", async () => readable(BYTES + 1)],
  ["can't be read", () => Promise.reject(new Error("the disk is gone"))],
] satisfies (readonly [string, Open])[])(
  "a download breaks off where a file %s, and the next one may begin",
  async (_what, openSecond) => {
    const store = await openDatabase();
    const id = await keep(store, 3);
    let opened = 0;
    const { create } = await serveFrom(store, async () =>
      (opened += 1) === 2 ? await openSecond() : readable(),
    );
    const url = await create([id]);
    const response = await fetch(url);
    expect(response.status).toBe(200);
    await expect(response.bytes()).rejects.toThrow();
    await expect.poll(async () => (await fetch(url)).status).toBe(200);
  },
);

test("of a job that is deleted meanwhile nothing more is sent", async () => {
  const store = await openDatabase();
  const [first, second] = [await keep(store, 1), await keep(store, 1)];
  const { create } = await serveFrom(store, async () => {
    await store.jobs.delete(second);
    return readable();
  });
  const response = await fetch(await create([first, second]));
  await expect(response.bytes()).rejects.toThrow();
});

test("what a job was given takes about as much room as where it is stored, however deep it is nested", async () => {
  const store = await openDatabase();
  const { create } = await serveFrom(store);
  let values: JsonValue = Array.from({ length: 20_000 }, () => 1);
  for (let level = 0; level < 60; level++) values = [values];
  const facts = { ...OWNER, deploymentId: "d", upstream: "sandbox", apiVersion: "v1" };
  const job = createJob({ ...facts, kind: "lora", now: new Date() });
  const input = { values };
  await store.jobs.insert({ job, input, key: null });
  const zip = await readZip(await (await fetch(await create([job.id]))).bytes());
  const reported = zip.get("jobs.json") ?? Buffer.of();
  expect(JSON.parse(String(reported))).toMatchObject([{ id: job.id, input }]);
  expect(reported.length).toBeLessThan(JSON.stringify(input).length + 2_000);
});

test("a URL is good for 10 minutes, as all are that are signed", async () => {
  const store = await openDatabase();
  const { open, toLocal } = await serveFrom(store);
  const { url, expiresAt } = await open([]);
  const left = expiresAt.getTime() - Date.now();
  expect(left).toBeGreaterThan(598_000);
  expect(left).toBeLessThanOrEqual(600_000);
  const name = new URL(url).pathname.slice("/downloads/".length);
  const past = Math.floor(Date.now() / 1_000) - 1;
  const expired = NO_FILES.urls.create({ folder: "downloads", name, width: null }, past);
  expect((await fetch(toLocal(expired))).status).toBe(404);
  const elsewhere = NO_FILES.urls.create({ folder: "downloads", name: "unknown", width: null });
  expect((await fetch(toLocal(elsewhere))).status).toBe(404);
});

test("too many files, or too large ones, are refused before anything is sent", async () => {
  const store = await openDatabase();
  const { open } = await serveFrom(store);
  const most = [await keep(store, 1, 1_999_999_999), await keep(store, 1, 1)];
  expect(await open(most)).toMatchObject({
    files: 2,
    bytes: 2_000_000_000,
  });
  const one = await keep(store, 1, 1);
  const tooMany = [await keep(store, 500, 1), one];
  for (const ids of [[...most, one], tooMany])
    await expect(open(ids)).rejects.toThrow(/Choose fewer jobs/);
});

test("files that were kept since the URL was made are left out above the limits, and the ZIP says so", async () => {
  const store = await openDatabase();
  const { create } = await serveFrom(store, async () => readable(1));
  const { id } = await succeedWith(
    store,
    Array.from({ length: 501 }, (_, index) => `https://files.example/${index}.png`),
  );
  const url = await create([id]);
  const { files } = await store.files.claimDue({ limit: 501, claimMs: 30_000 });
  for (const claimed of files) {
    const file = `${claimed.number}.png`;
    await store.files.lease(file, 3_600_000);
    const facts = { contentType: "image/png", bytes: 1, width: 1, height: 1, reason: null };
    await store.files.settle(claimed, { ...facts, state: "KEPT", file });
  }
  const zip = await readZip(await (await fetch(url)).bytes());
  expect(zip.size).toBe(501);
  const [{ files: reported }] = JSON.parse(String(zip.get("jobs.json")));
  expect(reported).toHaveLength(501);
  expect(reported[500]).toMatchObject({
    file: null,
    why: expect.stringContaining("as much as one"),
  });
});
