import { randomUUID } from "node:crypto";

import { describe, expect, test } from "vitest";

import { InvalidInputError } from "../../src/engine/job/errors.ts";
import type { Job } from "../../src/engine/job/job.ts";
import type { KeptFile } from "../../src/engine/job/asset.ts";
import { createUploadId } from "../../src/engine/job/input.ts";
import { LimitError } from "../../src/runtime/coded-error.ts";
import type { ClaimedFile } from "../../src/engine/store/files.ts";
import { readFeed } from "../support/read-feed.ts";
import { toResult } from "../support/to-result.ts";
import { CANCELLED, type Context, insertJob, makeJob, see } from "./store-jobs.ts";

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

const SIZE = { width: 64, height: 48 };
const UPLOAD = { fileName: "cat.png", contentType: "image/png", bytes: 3 };

/** What every database promises of uploads and kept files. */
export function describeFiles({ store, execute }: Context): void {
  async function succeed(keep: readonly string[] = URLS): Promise<Job> {
    const job = await insertJob(store());
    return await see(store(), job, toResult({ images: URLS }, keep));
  }

  const claimDue = (limit = 10) => store().files.claimDue({ limit, claimMs: 30_000 });

  async function claimTwo(): Promise<readonly [ClaimedFile, ClaimedFile]> {
    const [first, second] = (await claimDue()).files;
    if (first === undefined || second === undefined) throw new Error("two files were due");
    return [first, second];
  }

  /** Settles a claimed file as kept under this name. */
  async function keepAs(name: string, claimed: ClaimedFile): Promise<void> {
    await store().files.lease(name, LEASE_MS);
    expect(await store().files.settle(claimed, { ...KEPT, file: name })).toBe(true);
  }

  async function openUpload(ownerId = "local", most: number | null = null): Promise<string> {
    const id = createUploadId();
    await store().uploads.create({ id, ownerId, ...UPLOAD }, most);
    return id;
  }

  async function upload(file = `${randomUUID()}.png`): Promise<string> {
    const id = await openUpload();
    await store().files.lease(file, LEASE_MS);
    expect(await store().uploads.receive(id, { file, ...SIZE })).toBe(true);
    return id;
  }

  describe("the files of outputs", () => {
    test("are to be kept from the end of their job on, each claimed by one gateway, and again when the claim has ended", async () => {
      const job = await succeed();
      const [state] = await store().files.readMany([job.id]);
      expect([...(state ?? [])].map(([url, file]) => [url, file.state])).toEqual(
        URLS.map((url) => [url, "PENDING"]),
      );
      const claims = await Promise.all([claimDue(1), claimDue(1), claimDue()]);
      const claimed = claims.flatMap(({ files }) => files).toSorted((a, b) => a.number - b.number);
      expect(claimed).toMatchObject([
        { jobId: job.id, number: 0, url: URLS[0], attempts: 1 },
        { jobId: job.id, number: 1, url: URLS[1], attempts: 1 },
      ]);
      expect(claimed[0]?.sinceEndMs).toBeLessThan(60_000);
      const { files, nextInMs } = await claimDue();
      expect(files).toEqual([]);
      expect(nextInMs).toBeGreaterThan(0);
      expect(nextInMs).toBeLessThanOrEqual(30_000);
      await execute("update kept_files set due_at = due_at - 30001");
      expect((await claimDue()).files.map(({ attempts }) => attempts)).toEqual([2, 2]);
    });

    test("are not kept where nobody asked", async () => {
      const job = await succeed([]);
      expect(await store().files.readMany([job.id])).toEqual([new Map()]);
      expect(await claimDue()).toEqual({ files: [], nextInMs: null });
    });

    test("make a new version of their job, which the feed reports", async () => {
      const job = await succeed();
      const head = await store().feed.readHead();
      const [file] = await claimTwo();
      await keepAs("a.png", file);
      const changed = await store().jobs.read(job.id);
      expect(changed).toMatchObject({ status: "SUCCEEDED", version: job.version + 1 });
      expect((await readFeed(store(), head, 10))?.changes.map((one) => one.job)).toEqual([changed]);
      expect((await store().files.readMany([job.id]))[0]?.get(file.url)).toEqual(KEPT);
      expect(await store().jobs.readHistories([job.id])).toHaveLength(1);
    });

    test("are settled and renewed only with the claim", async () => {
      const { files } = store();
      await succeed();
      const [file] = await claimTwo();
      await files.lease("a.png", LEASE_MS);
      const renewed = await files.renewClaim(file, 60_000);
      if (renewed === null) throw new Error("the claim was ours");
      expect(await files.settle(file, KEPT)).toBe(renewed.token === file.token);
      await files.putBack(renewed, 0);
      expect(await files.settle(renewed, KEPT)).toBe(false);
      expect(await files.renewClaim(renewed, 60_000)).toBeNull();
    });

    test("can be asked for later, and again where they FAILED", async () => {
      const { files } = store();
      const job = await succeed([]);
      expect(await files.request(job, URLS)).toBe(true);
      expect(await files.request(job, URLS)).toBe(false);
      const [first, second] = await claimTwo();
      await keepAs("kept.png", first);
      await files.settle(second, { ...KEPT, state: "FAILED", file: null, reason: "Gone." });
      expect(await files.request(job, URLS)).toBe(true);
      expect((await claimDue()).files).toMatchObject([{ number: second.number, attempts: 1 }]);
      expect((await store().jobs.read(job.id))?.version).toBe(job.version + 4);
    });

    test("are needed until their job is deleted, by no other name, and are to be deleted then", async () => {
      const { files, jobs } = store();
      const job = await succeed();
      await keepAs("needed.png", (await claimTwo())[0]);
      const find = () => files.findOwners(["needed.png", "unknown.png", "needed.png"]);
      expect([...(await find())]).toEqual([["needed.png", job.ownerId]]);
      expect(await files.listPendingDeletions(10)).toEqual([]);
      expect(await jobs.delete(job.id)).toBe(true);
      expect([...(await find())]).toEqual([]);
      expect(await files.listPendingDeletions(10)).toEqual(["needed.png"]);
      await files.forgetDeletions(["needed.png"]);
      expect(await files.listPendingDeletions(10)).toEqual([]);
    });

    test("have one place for each database, which remembers its folder and what it is known by", async () => {
      const { files } = store();
      const place = await files.readPlace();
      expect(place.folder).toMatch(/^[0-9a-f]{32}$/);
      expect(place.key.length).toBeGreaterThanOrEqual(64);
      await execute("update file_places set marker = null");
      await files.lease("a.place", -1);
      expect(await files.claimMarker("a.place")).toBe("a.place");
      expect(await files.claimMarker("b.place")).toBe("a.place");
      expect(await files.readPlace()).toEqual({ ...place, marker: "a.place" });
      expect(await files.listPendingDeletions(10)).toEqual([]);
    });

    test("are to come until all of a job's are settled", async () => {
      const { files } = store();
      const job = await succeed();
      const [one, other] = await claimTwo();
      const find = () => files.findPending([job.id, "job_missing"]);
      expect(await find()).toEqual([true, false]);
      await keepAs("one.png", one);
      expect(await find()).toEqual([true, false]);
      await keepAs("other.png", other);
      expect(await find()).toEqual([false, false]);
    });

    test("are deleted once their lease has ended, unless a row names them before", async () => {
      const { files } = store();
      await succeed();
      const [first, second] = await claimTwo();
      await files.lease("late.png", 50_000);
      expect(await files.settle(first, { ...KEPT, file: "late.png" })).toBe(false);
      expect(await files.settle(first, { ...KEPT, file: "unknown.png" })).toBe(false);
      await keepAs("kept.png", second);
      await files.lease("thumbnail.webp", LEASE_MS);
      await files.lease("thumbnail.webp", LEASE_MS);
      expect(await files.listPendingDeletions(10)).toEqual([]);
      await execute("update pending_deletions set due_at = due_at - 3600000");
      const due = await files.listPendingDeletions(10);
      expect(new Set(due)).toEqual(new Set(["late.png", "thumbnail.webp"]));
    });
  });

  test("kept files are counted to one more than asked", async () => {
    const { files } = store();
    const job = await succeed();
    expect(await files.countKept([job.id], 1)).toEqual({ files: 0, bytes: 0 });
    const [one, other] = await claimTwo();
    await keepAs("one.png", one);
    expect(await files.countKept([job.id], 1)).toEqual({ files: 1, bytes: KEPT.bytes });
    await keepAs("other.png", other);
    expect(await files.countKept([job.id], 0)).toEqual({ files: 1, bytes: KEPT.bytes });
    expect(await files.countKept([job.id], 5)).toMatchObject({ bytes: 2 * (KEPT.bytes ?? 0) });
  });

  describe("uploads", () => {
    test("come once", async () => {
      const { files, uploads } = store();
      const [id, none] = [await openUpload(), createUploadId()];
      const createdAt = expect.any(Date);
      const nothing = { file: null, width: null, height: null };
      const opened = { id, ownerId: "local", ...UPLOAD, ...nothing, createdAt };
      expect(await uploads.readMany([id, none])).toEqual([opened, null]);
      const receive = (one: string, file: string) => uploads.receive(one, { file, ...SIZE });
      expect(await receive(id, "unknown.png")).toBe(false);
      for (const name of ["a.png", "b.png", "c.png"]) await files.lease(name, LEASE_MS);
      expect(await receive(id, "a.png")).toBe(true);
      expect(await receive(id, "b.png")).toBe(false);
      expect(await receive(none, "c.png")).toBe(false);
      expect(await uploads.readMany([id])).toEqual([{ ...opened, file: "a.png", ...SIZE }]);
      expect(await uploads.readMany([id], "local")).toHaveLength(1);
      expect(await uploads.readMany([id], "another")).toEqual([null]);
    });

    test("are listed for each job that names them, to their owner alone", async () => {
      const { uploads } = store();
      const [first, second] = [await upload(), await upload()];
      await execute(`update uploads set created_at = created_at - 1 where id = '${first}'`);
      const both = await insertJob(store(), {}, { uploads: [second, first] });
      const one = await insertJob(store(), {}, { uploads: [second] });
      const none = await insertJob(store());
      const read = async (ownerId: string) =>
        (await uploads.readOfJobs([none.id, both.id, one.id], ownerId)).map((found) =>
          found.map(({ id }) => id),
        );
      expect(await read("local")).toEqual([[], [first, second], [second]]);
      expect(await read("another")).toEqual([[], [], []]);
    });

    test("are bounded for each owner while they have not come, also at once", async () => {
      const opening = Array.from({ length: 6 }, () => openUpload("greedy", 3));
      const opened = await Promise.allSettled(opening);
      const refused = opened.filter((one) => one.status === "rejected");
      expect(refused).toHaveLength(3);
      for (const { reason } of refused) expect(reason).toBeInstanceOf(LimitError);
      await openUpload("modest", 3);
    });

    test("stay as long as a job that names them, and a day if none does", async () => {
      const { files, jobs, uploads } = store();
      const [used, twice, unused] = [await upload(), await upload("twice.png"), await upload()];
      const first = await insertJob(store(), {}, { uploads: [used, twice] });
      const second = await insertJob(store(), {}, { uploads: [twice] });
      await execute("update uploads set created_at = created_at - 90000000");
      const ids = [used, twice, unused, await upload(), await openUpload()];
      const find = async () => (await uploads.readMany(ids)).map((one) => one !== null);
      const isNeeded = async () => (await files.findOwners(["twice.png"])).size === 1;
      const deleteUsed = async (job: Job) => {
        await see(store(), job, CANCELLED);
        expect(await jobs.delete(job.id)).toBe(true);
      };
      expect(await uploads.deleteUnused(10)).toBe(1);
      expect(await find()).toEqual([true, true, false, true, true]);
      await deleteUsed(first);
      expect(await uploads.deleteUnused(10)).toBe(1);
      expect(await find()).toEqual([false, true, false, true, true]);
      expect(await isNeeded()).toBe(true);
      await deleteUsed(second);
      // At once, while its row still waits to be deleted.
      expect(await isNeeded()).toBe(false);
      expect(await uploads.deleteUnused(10)).toBe(1);
      expect(await files.listPendingDeletions(10)).toContain("twice.png");
    });

    test("that are gone, or have not come, keep a job that names them from being submitted", async () => {
      for (const id of [createUploadId(), await openUpload()]) {
        const submit = { job: makeJob(), input: {}, key: null, uploads: [id] };
        await expect(store().jobs.insert(submit)).rejects.toBeInstanceOf(InvalidInputError);
        expect(await store().jobs.read(submit.job.id)).toBeNull();
      }
    });
  });
}
