import { randomUUID } from "node:crypto";

import { describe, expect, test } from "vitest";

import { advance } from "../../src/job/advance.ts";
import { InvalidInputError } from "../../src/job/errors.ts";
import { LimitError } from "../../src/runtime/coded-error.ts";
import { createJob, type Job } from "../../src/job/job.ts";
import type { KeptFile } from "../../src/job/asset.ts";
import { createUploadId } from "../../src/job/upload.ts";
import type { ClaimedFile } from "../../src/store/files.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { readFeed } from "../support/read-feed.ts";
import { toResult } from "../support/to-result.ts";

const URLS = ["https://files.example.com/0.png", "https://files.example.com/1.png"];
const LEASE_MS = 3_600_000;
const KEPT: KeptFile = {
  state: "KEPT",
  file: "a.png",
  contentType: "image/png",
  bytes: 3_000_000_000,
  width: 1_024,
  height: 768,
  reason: null,
};

/** What every database promises of uploads and kept files. */
export function describeFiles(context: {
  readonly store: () => JobStore;
  /** Runs statements beside the store. */
  execute(sql: string): Promise<void>;
}): void {
  const { store, execute } = context;

  function create(): Job {
    return createJob({
      ownerId: "mine",
      deploymentId: "d",
      upstream: "sandbox",
      apiVersion: "v1",
      now: new Date(),
    });
  }

  async function succeed(keep: readonly string[] = URLS): Promise<Job> {
    const job = create();
    await store().jobs.insert({ job, input: {}, key: null });
    const seen = { kind: "succeeded", output: { images: URLS }, finishedAt: null } as const;
    const ended = advance(job, seen, new Date(), "sandbox");
    expect(await store().jobs.save(ended, toResult(seen.output, keep))).toBe(true);
    return ended;
  }

  async function claim(limit = 10): Promise<readonly ClaimedFile[]> {
    return (await store().files.claimDue({ limit, claimMs: 30_000 })).files;
  }

  /** Keeps the file that is due under this name. */
  async function keepAs(file: string): Promise<void> {
    await store().files.lease(file, LEASE_MS);
    expect(await store().files.settle(await claimOne(), { ...KEPT, file })).toBe(true);
  }

  async function claimOne(): Promise<ClaimedFile> {
    const [file] = await claim(1);
    if (file === undefined) throw new Error("there was a file to claim");
    return file;
  }

  async function openUpload(ownerId = "mine", most: number | null = null): Promise<string> {
    const id = createUploadId();
    const facts = { fileName: "cat.png", contentType: "image/png", bytes: 3 };
    await store().uploads.create({ id, ownerId, ...facts }, most);
    return id;
  }

  async function upload(file = `${randomUUID()}.png`): Promise<string> {
    const id = await openUpload();
    await store().files.lease(file, LEASE_MS);
    expect(await store().uploads.receive(id, file)).toBe(true);
    return id;
  }

  /** Submits a job that names uploads. */
  async function use(...uploads: readonly string[]): Promise<Job> {
    const job = create();
    await store().jobs.insert({ job, input: {}, key: null, uploads });
    return job;
  }

  async function deleteUsed(job: Job): Promise<void> {
    await store().jobs.save(
      advance(job, { kind: "cancelled", finishedAt: null }, new Date(), "sandbox"),
      null,
    );
    expect(await store().jobs.delete(job.id)).toBe(true);
  }

  const age = (table: string) => execute(`update ${table} set created_at = created_at - 90000000`);

  describe("the files of outputs", () => {
    test("are to be kept from the end of their job on, each claimed by one gateway", async () => {
      const job = await succeed();
      const [state] = await store().files.readMany([job.id]);
      expect([...(state ?? [])].map(([url, file]) => [url, file.state])).toEqual(
        URLS.map((url) => [url, "PENDING"]),
      );
      const claims = await Promise.all([claim(1), claim(1), claim()]);
      const claimed = claims.flat().toSorted((a, b) => a.number - b.number);
      expect(claimed).toMatchObject([
        { jobId: job.id, number: 0, url: URLS[0], attempts: 1 },
        { jobId: job.id, number: 1, url: URLS[1], attempts: 1 },
      ]);
      expect(claimed[0]?.sinceEndMs).toBeLessThan(60_000);
      const { files, nextInMs } = await store().files.claimDue({ limit: 10, claimMs: 30_000 });
      expect(files).toEqual([]);
      expect(nextInMs).toBeGreaterThan(0);
      expect(nextInMs).toBeLessThanOrEqual(30_000);
    });

    test("are not kept where nobody asked", async () => {
      const job = await succeed([]);
      expect(await store().files.readMany([job.id])).toEqual([new Map()]);
      expect(await claim()).toEqual([]);
    });

    test("make a new version of their job, which the feed tells", async () => {
      const job = await succeed();
      const head = await store().feed.readHead();
      const file = await claimOne();
      await store().files.lease("a.png", LEASE_MS);
      expect(await store().files.settle(file, KEPT)).toBe(true);
      const changed = await store().jobs.read(job.id);
      expect(changed).toMatchObject({ status: "SUCCEEDED", version: job.version + 1 });
      expect((await readFeed(store(), head, 10))?.changes.map((one) => one.job)).toEqual([changed]);
      expect((await store().files.readMany([job.id]))[0]?.get(file.url)).toEqual(KEPT);
      expect(await store().jobs.readHistories([job.id])).toHaveLength(1);
    });

    test("are settled and renewed by whoever has the claim alone", async () => {
      await succeed();
      const file = await claimOne();
      await store().files.lease("a.png", LEASE_MS);
      const renewed = await store().files.renewClaim(file, 60_000);
      if (renewed === null) throw new Error("the claim was ours");
      expect(await store().files.settle(file, KEPT)).toBe(renewed.token === file.token);
      await store().files.putBack(renewed, 0);
      expect(await store().files.settle(renewed, KEPT)).toBe(false);
      expect(await store().files.renewClaim(renewed, 60_000)).toBeNull();
    });

    test("are due again when a claim has ended, as after a kill", async () => {
      await succeed();
      await claim();
      await execute("update kept_files set due_at = due_at - 30001");
      expect((await claim()).map(({ attempts }) => attempts)).toEqual([2, 2]);
    });

    test("can be asked for later, and again where they FAILED", async () => {
      const job = await succeed([]);
      expect(await store().files.request(job, URLS)).toBe(true);
      expect(await store().files.request(job, URLS)).toBe(false);
      const [first, second] = await claim();
      if (first === undefined || second === undefined) throw new Error("two files were due");
      await store().files.lease("kept.png", LEASE_MS);
      await store().files.settle(first, { ...KEPT, file: "kept.png" });
      await store().files.settle(second, { ...KEPT, state: "FAILED", file: null, reason: "Gone." });
      expect(await store().files.request(job, URLS)).toBe(true);
      expect(await claim()).toMatchObject([{ number: second.number, attempts: 1 }]);
      expect((await store().jobs.read(job.id))?.version).toBe(job.version + 4);
    });

    test("are to be deleted with their job, however it is deleted", async () => {
      const job = await succeed();
      await keepAs("doomed.png");
      expect(await store().files.listPendingDeletions(10)).toEqual([]);
      expect(await store().jobs.delete(job.id)).toBe(true);
      expect(await store().files.listPendingDeletions(10)).toEqual(["doomed.png"]);
      await store().files.forgetDeletions(["doomed.png"]);
      expect(await store().files.listPendingDeletions(10)).toEqual([]);
    });

    test("are needed until their job is deleted, and by no other name", async () => {
      const job = await succeed();
      await keepAs("needed.png");
      const find = () => store().files.findOwners(["needed.png", "unknown.png", "needed.png"]);
      expect([...(await find())]).toEqual([["needed.png", job.ownerId]]);
      expect(await store().jobs.delete(job.id)).toBe(true);
      expect([...(await find())]).toEqual([]);
    });

    test("have one place for each database, which remembers its folder and what it is known by", async () => {
      const place = await store().files.readPlace();
      expect(place.folder).toMatch(/^[0-9a-f]{32}$/);
      expect(place.key.length).toBeGreaterThanOrEqual(64);
      await execute("update file_places set marker = null");
      await store().files.lease("a.place", -1);
      expect(await store().files.claimMarker("a.place")).toBe("a.place");
      expect(await store().files.claimMarker("b.place")).toBe("a.place");
      expect(await store().files.readPlace()).toEqual({ ...place, marker: "a.place" });
      expect(await store().files.listPendingDeletions(10)).toEqual([]);
    });

    test("are deleted once their lease has ended, unless a row names them before", async () => {
      const { files } = store();
      await succeed();
      const [first, second] = await claim();
      if (first === undefined || second === undefined) throw new Error("two files were due");
      await files.lease("late.png", 50_000);
      expect(await files.settle(first, { ...KEPT, file: "late.png" })).toBe(false);
      expect(await files.settle(first, { ...KEPT, file: "unknown.png" })).toBe(false);
      await files.lease("kept.png", LEASE_MS);
      expect(await files.settle(second, { ...KEPT, file: "kept.png" })).toBe(true);
      await files.lease("thumbnail.webp", LEASE_MS);
      await files.lease("thumbnail.webp", LEASE_MS);
      expect(await files.listPendingDeletions(10)).toEqual([]);
      await execute("update pending_deletions set due_at = due_at - 3600000");
      expect(new Set(await files.listPendingDeletions(10))).toEqual(
        new Set(["late.png", "thumbnail.webp"]),
      );
      await files.forgetDeletions(["late.png", "thumbnail.webp"]);
    });
  });

  describe("uploads", () => {
    test("come once", async () => {
      const id = await openUpload();
      const none = createUploadId();
      const [before, missing] = await store().uploads.readMany([id, none]);
      expect(before).toMatchObject({ ownerId: "mine", fileName: "cat.png", bytes: 3, file: null });
      expect(missing).toBeNull();
      expect(await store().uploads.receive(id, "unknown.png")).toBe(false);
      for (const name of ["a.png", "b.png", "c.png"]) await store().files.lease(name, LEASE_MS);
      expect(await store().uploads.receive(id, "a.png")).toBe(true);
      expect(await store().uploads.receive(id, "b.png")).toBe(false);
      expect(await store().uploads.receive(none, "c.png")).toBe(false);
      expect((await store().uploads.readMany([id]))[0]?.file).toBe("a.png");
    });

    test("are bounded for each owner while they have not come, also at once", async () => {
      const opened = await Promise.allSettled(
        Array.from({ length: 6 }, () => openUpload("greedy", 3)),
      );
      const refused = opened.filter((one) => one.status === "rejected");
      expect(refused).toHaveLength(3);
      for (const { reason } of refused) expect(reason).toBeInstanceOf(LimitError);
      await openUpload("modest", 3);
    });

    test("stay as long as a job that names them, and a day if none does", async () => {
      const [used, twice, unused] = [await upload(), await upload("twice.png"), await upload()];
      const first = await use(used, twice);
      const second = await use(twice);
      await age("uploads");
      const young = await upload();
      const open = await openUpload();
      expect(await store().uploads.deleteUnused(10)).toBe(1);
      const ids = [used, twice, unused, young, open];
      const found = async () => (await store().uploads.readMany(ids)).map((one) => one !== null);
      const isNeeded = async () => (await store().files.findOwners(["twice.png"])).size === 1;
      expect(await found()).toEqual([true, true, false, true, true]);
      await deleteUsed(first);
      expect(await store().uploads.deleteUnused(10)).toBe(1);
      expect(await found()).toEqual([false, true, false, true, true]);
      expect(await isNeeded()).toBe(true);
      await deleteUsed(second);
      // At once, while its row still waits to be deleted.
      expect(await isNeeded()).toBe(false);
      expect(await store().uploads.deleteUnused(10)).toBe(1);
      expect(await store().files.listPendingDeletions(10)).toContain("twice.png");
    });

    test("that are gone, or have not come, keep a job that names them from being submitted", async () => {
      for (const id of [createUploadId(), await openUpload()]) {
        const job = create();
        const submit = { job, input: {}, key: null, uploads: [id] };
        await expect(store().jobs.insert(submit)).rejects.toBeInstanceOf(InvalidInputError);
        expect(await store().jobs.read(job.id)).toBeNull();
      }
    });

    test("are counted by the day in MiB", async () => {
      const counted = await store().quotas.count("uploads", "mine", 30);
      expect(counted.count).toBe(30);
      expect((await store().quotas.count("uploads", "mine", 5)).count).toBe(35);
      await store().quotas.discount("uploads", "mine", counted.endsAtMs, 30);
      expect((await store().quotas.count("uploads", "mine")).count).toBe(6);
    });
  });
}
