import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { advance } from "../../src/job/advance.ts";
import { createJob, type Job, JOB_STATUSES, type JobStatus } from "../../src/job/job.ts";
import { INVALID_RESPONSE } from "../../src/job/errors.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import type { JobRange } from "../../src/store/list-jobs.ts";
import { describeFeed } from "./feed.contract.ts";
import { describeFiles } from "./files.contract.ts";
import { describePolls } from "./polls.contract.ts";
import { describeOwners } from "./owners.contract.ts";
import { describeRuns } from "./runs.contract.ts";
import { describeTags } from "./tags.contract.ts";
import { describeTexts } from "./texts.contract.ts";
import { describeRecovery } from "./recovery.contract.ts";
import { describeUpstreams } from "./upstreams.contract.ts";
import { collectStatements } from "../support/collect-statements.ts";
import { walk } from "../support/walk.ts";
import type { Channels } from "../../src/diagnostics/channels.ts";
import { findAssets } from "../../src/job/asset.ts";
import { toResult } from "../support/to-result.ts";

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** What every database promises. `openFresh` gives a store over an empty database, and how to restart the gateway. */
export function describeJobStore(
  openFresh: (channels: Channels) => Promise<{
    readonly store: JobStore;
    /** Runs statements beside the store. */
    execute(sql: string): Promise<void>;
    /** Lets time pass on the clock that says when a poll is due; it stands still otherwise. */
    pass(ms: number): Promise<void>;
    /** Closes the store and opens the same database as another gateway, of this upstream (`sandbox` by default). */
    restart(upstream?: string): Promise<JobStore>;
    discard(): Promise<void>;
  }>,
): void {
  let store: JobStore;
  let channels: Channels;
  let statements: string[];
  let fresh: Awaited<ReturnType<typeof openFresh>>;

  beforeEach(async () => {
    ({ channels, statements } = collectStatements());
    fresh = await openFresh(channels);
    store = fresh.store;
  });

  afterEach(() => fresh.discard());

  /** Inserts a job that was created `ageMs` before the others' time. */
  async function insert(
    options: { deploymentId?: string; ageMs?: number; status?: JobStatus } = {},
  ) {
    const created = createJob({
      ownerId: "local",
      deploymentId: options.deploymentId ?? "dep-1",
      upstream: "sandbox",
      apiVersion: "v1",
      now: new Date(NOW_MS - (options.ageMs ?? 0)),
    });
    const job: Job = { ...created, status: options.status ?? "SUBMITTING" };
    expect(await store.jobs.insert({ job, input: { prompt: "a cat" }, key: null })).toBe(true);
    return job;
  }

  function accept(job: Job): Job {
    return advance(
      job,
      { kind: "accepted", requestId: "request-1" },
      new Date(NOW_MS + 1),
      "sandbox",
    );
  }

  /** Finished jobs of the owner `many`, every other one of which FAILED. */
  async function addMany(count: number): Promise<void> {
    await fresh.execute(`
      insert into jobs (id, owner_id, deployment_id, api_version, status, version, created_at,
        updated_at, work, submit_until)
      with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})
      select 'job_' || n, 'many', 'd', 'v1', case when n % 2 = 0 then 'FAILED' else 'SUCCEEDED' end,
        1, n, n, 1, 0 from numbers`);
  }

  async function readDocuments(id: string) {
    const [input = null, output = null, assets = null] = await Promise.all(
      (["input", "output", "assets"] as const).map((name) => store.documents.readText(id, name)),
    );
    return { input, output, assets };
  }

  async function listIds(range: Partial<JobRange>): Promise<string[]> {
    const { jobs } = await store.jobs.list({
      filter: {},
      direction: "forward",
      limit: 100,
      ...range,
    });
    return jobs.map((job) => job.id);
  }

  describe("inserting", () => {
    test("keeps a job, its first event and its input as they are", async () => {
      const job = await insert();
      expect(await store.jobs.read(job.id)).toEqual(job);
      expect(await store.jobs.readHistories([job.id])).toEqual([
        [{ version: 1, status: "SUBMITTING", at: job.updatedAt }],
      ]);
      const input = '{"prompt":"a cat"}';
      expect(await readDocuments(job.id)).toEqual({ input, output: null, assets: null });
    });

    test("answers a taken key with the job that has it, and adds nothing", async () => {
      const first = createJob({
        ownerId: "local",
        deploymentId: "d",
        upstream: "sandbox",
        apiVersion: "v1",
        now: new Date(NOW_MS),
      });
      const second = createJob({
        ownerId: "local",
        deploymentId: "d",
        upstream: "sandbox",
        apiVersion: "v1",
        now: new Date(NOW_MS),
      });
      expect(
        await store.jobs.insert({ job: first, input: {}, key: { key: "k", fingerprint: "one" } }),
      ).toBe(true);
      expect(
        await store.jobs.insert({ job: second, input: {}, key: { key: "k", fingerprint: "two" } }),
      ).toBe(false);
      expect(await store.jobs.readKeyed("local", "k")).toEqual({ job: first, fingerprint: "one" });
      expect(await store.jobs.readKeyed("local", "K")).toBeNull();
      expect(await store.jobs.count({})).toBe(1);
      expect(await store.jobs.readHistories([second.id])).toEqual([[]]);
    });

    test("lets exactly one of many inserts under one key win", async () => {
      const jobs = Array.from({ length: 12 }, () =>
        createJob({
          ownerId: "local",
          deploymentId: "d",
          upstream: "sandbox",
          apiVersion: "v1",
          now: new Date(NOW_MS),
        }),
      );
      const answers = await Promise.all(
        jobs.map((job) =>
          store.jobs.insert({ job, input: {}, key: { key: "raced", fingerprint: job.id } }),
        ),
      );
      const winners = jobs.filter((_, index) => answers[index]);
      expect(winners).toHaveLength(1);
      expect((await store.jobs.readKeyed("local", "raced"))?.job).toEqual(winners[0]);
      expect(await store.jobs.count({})).toBe(1);
    });

    test("deletes no job that the upstream accepted", async () => {
      const job = await insert();
      await store.jobs.save(accept(job), null);
      await store.jobs.withdraw(job.id);
      expect(await store.jobs.read(job.id)).toEqual(accept(job));
    });

    test("rejects a second job of the same id and keeps the first", async () => {
      const job = await insert();
      await expect(
        store.jobs.insert({ job: { ...job, deploymentId: "other" }, input: {}, key: null }),
      ).rejects.toThrow();
      expect(await store.jobs.read(job.id)).toEqual(job);
    });

    test("stores hostile keys and characters unharmed", async () => {
      const text = `{"__proto__":{"x":1},"then":"t","constructor":null,"s":"\\u0000 \\ud800 😀","n":[1.5,-0.25,9007199254740991,true]}`;
      const input = JSON.parse(text);
      const job = createJob({
        ownerId: "local",
        deploymentId: "d",
        upstream: "sandbox",
        apiVersion: "v1",
        now: new Date(NOW_MS),
      });
      await store.jobs.insert({ job, input, key: null });
      const done = advance(
        accept(job),
        { kind: "succeeded", output: input, finishedAt: null },
        new Date(NOW_MS),
        "sandbox",
      );
      await store.jobs.save(accept(job), null);
      await store.jobs.save(done, toResult(input));
      const documents = await readDocuments(job.id);
      const stored = JSON.stringify(input);
      expect(documents).toEqual({ input: stored, output: stored, assets: "[]" });
      const read = await store.documents.readInput(job.id);
      expect(Object.hasOwn(read ?? {}, "__proto__")).toBe(true);
    });
  });

  describe("saving", () => {
    test("writes the next version, errors and times included, with an event for a new status", async () => {
      const job = await insert();
      const queued = advance(
        accept(job),
        { kind: "queued", queuePosition: 3 },
        new Date(NOW_MS + 2),
        "sandbox",
      );
      const running = advance(queued, { kind: "running" }, new Date(NOW_MS + 3), "sandbox");
      const failed = advance(
        running,
        { kind: "failed", error: INVALID_RESPONSE, finishedAt: null },
        new Date(NOW_MS + 4),
        "sandbox",
      );
      for (const next of [accept(job), queued, running, failed]) {
        expect(await store.jobs.save(next, null)).toBe(true);
        expect(await store.jobs.read(job.id)).toEqual(next);
      }
      const [history] = await store.jobs.readHistories([job.id]);
      expect(history?.map((event) => [event.version, event.status])).toEqual([
        [1, "SUBMITTING"],
        [2, "IN_QUEUE"],
        [4, "IN_PROGRESS"],
        [5, "FAILED"],
      ]);
      expect(history?.at(-1)?.at).toEqual(new Date(NOW_MS + 4));
    });

    test("keeps no history of moves in the queue, also of one to a place that is not known", async () => {
      let job = accept(await insert());
      await store.jobs.save(job, null);
      for (const queuePosition of [30, 29, 12, null, 3, null]) {
        const at = new Date(job.updatedAt.getTime() + 1);
        job = advance(job, { kind: "queued", queuePosition }, at, "sandbox");
        expect(await store.jobs.save(job, null)).toBe(true);
      }
      expect(job.version).toBe(8);
      expect(await store.jobs.read(job.id)).toEqual(job);
      const [history] = await store.jobs.readHistories([job.id]);
      expect(history?.map(({ version, status }) => [version, status])).toEqual([
        [1, "SUBMITTING"],
        [2, "IN_QUEUE"],
      ]);
    });

    test("refuses a version that does not follow the stored one, and writes nothing", async () => {
      const job = await insert();
      expect(await store.jobs.save(job, null)).toBe(false);
      expect(await store.jobs.save({ ...accept(job), version: 3 }, null)).toBe(false);
      expect(await store.jobs.save({ ...accept(job), id: "job_unknown" }, null)).toBe(false);
      expect(await store.jobs.read(job.id)).toEqual(job);
      expect(
        (await store.jobs.readHistories([job.id, "job_unknown"])).map((events) => events.length),
      ).toEqual([1, 0]);
    });

    test.for(["SUCCEEDED", "FAILED", "CANCELLED"] as const)(
      "never changes a job that is %s",
      async (status) => {
        const job = await insert({ status });
        expect(await store.jobs.save({ ...job, version: 2, status: "IN_PROGRESS" }, null)).toBe(
          false,
        );
        expect(await store.jobs.read(job.id)).toEqual(job);
      },
    );

    test("lets exactly one of many saves of the same version win", async () => {
      const job = await insert();
      const saves = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          store.jobs.save({ ...accept(job), requestId: `request-${index}` }, null),
        ),
      );
      const winner = saves.indexOf(true);
      expect(saves.filter(Boolean)).toHaveLength(1);
      expect((await store.jobs.read(job.id))?.requestId).toBe(`request-${winner}`);
      expect((await store.jobs.readHistories([job.id]))[0]).toHaveLength(2);
    });

    test("rolls the job back when its event can't be written", async () => {
      const job = await insert();
      const impossible: Job = { ...accept(job), updatedAt: new Date(Number.NaN) };
      await expect(store.jobs.save(impossible, null)).rejects.toThrow();
      expect(await store.jobs.read(job.id)).toEqual(job);
      expect(await store.jobs.save(accept(job), null)).toBe(true);
    });
  });

  describe("deleting", () => {
    test("leaves no trace of the job and frees its key", async () => {
      const job = createJob({
        ownerId: "local",
        deploymentId: "d",
        upstream: "sandbox",
        apiVersion: "v1",
        now: new Date(NOW_MS),
      });
      await store.jobs.insert({ job, input: {}, key: { key: "k", fingerprint: "f" } });
      await store.jobs.withdraw(job.id);
      expect(await store.jobs.read(job.id)).toBeNull();
      expect(await store.jobs.readHistories([job.id])).toEqual([[]]);
      expect(await store.jobs.findDeployments(["d"])).toEqual(new Set());
      expect(await store.jobs.readKeyed("local", "k")).toBeNull();
      expect(
        await store.jobs.insert({
          job: { ...job, id: "job_next" },
          input: {},
          key: { key: "k", fingerprint: "f" },
        }),
      ).toBe(true);
    });

    test("does not mind a job that is not there", async () => {
      await expect(store.jobs.withdraw("job_unknown")).resolves.toBeUndefined();
    });
  });

  describe("reading many", () => {
    test("answers in the order of the ids, doubles and unknown ones included", async () => {
      const [a, b] = [await insert(), await insert()];
      const ids = [b.id, "job_unknown", a.id, b.id];
      expect(await store.jobs.readMany(ids)).toEqual([b, null, a, b]);
      expect((await store.jobs.readHistories(ids)).map((events) => events.length)).toEqual([
        1, 0, 1, 1,
      ]);
      const stored = await store.documents.read(ids, 0);
      expect(stored.map((documents) => documents === null)).toEqual([false, true, false, false]);
      expect(await store.documents.readInput(a.id)).toEqual({ prompt: "a cat" });
      expect(await store.documents.readInput("job_unknown")).toBeNull();
    });

    test("costs one statement for a thousand ids, and none for no ids", async () => {
      const ids = Array.from({ length: 1_000 }, (_, index) => `job_${index}`);
      const readDocuments = (some: readonly string[]) => store.documents.read(some, 0);
      for (const read of [store.jobs.readMany, store.jobs.readHistories, readDocuments]) {
        statements.length = 0;
        await read([]);
        expect(statements).toHaveLength(0);
        await read([...ids, ...ids]);
        expect(statements).toHaveLength(1);
      }
    });

    test("tells the bytes of documents, and reads those that are small, in one statement", async () => {
      const small = await insert();
      const large = accept(await insert());
      await store.jobs.save(large, null);
      const output = { url: `https://x.runcomfy.net/${"é".repeat(600)}` };
      const assets = JSON.stringify(findAssets(output));
      const succeeded = { kind: "succeeded", output, finishedAt: null } as const;
      await store.jobs.save(
        advance(large, succeeded, new Date(NOW_MS + 2), "sandbox"),
        toResult(output),
      );
      statements.length = 0;
      const found = await store.documents.read([large.id, "job_missing", small.id], 1_200);
      // The write before is still being announced.
      expect(statements.filter((sql) => !sql.includes("pg_notify"))).toHaveLength(1);
      const text = '{"prompt":"a cat"}';
      const input = { bytes: text.length, text };
      const bytes = Buffer.byteLength(assets);
      expect(found).toEqual([
        { input, output: { bytes: 1_233, text: null }, assets: { bytes, text: null } },
        null,
        { input, output: null, assets: null },
      ]);
      expect(await store.documents.readText(large.id, "output")).toBe(JSON.stringify(output));
      expect(await store.documents.readText(large.id, "assets")).toBe(assets);
      expect(await store.documents.readText("job_missing", "output")).toBeNull();
    });

    test("reads more ids than a statement may have parameters", async () => {
      const job = await insert();
      const ids = Array.from({ length: 70_000 }, (_, index) => `job_${index}`);
      expect((await store.jobs.readMany([...ids, job.id])).at(-1)).toEqual(job);
    });
  });

  describe("the list", () => {
    test("is newest first, and by id where the times are the same", async () => {
      const old = await insert({ ageMs: 10 });
      const twins = [await insert(), await insert()].toSorted((a, b) => (a.id < b.id ? 1 : -1));
      expect(await listIds({})).toEqual([...twins.map((job) => job.id), old.id]);
      expect(await listIds({ direction: "backward" })).toEqual([
        old.id,
        ...twins.map((job) => job.id).toReversed(),
      ]);
    });

    test("is walked by places without gaps or doubles, both ways, also through twins", async () => {
      for (let index = 0; index < 11; index++) await insert({ ageMs: Math.floor(index / 3) });
      const all = await listIds({});
      expect(await walk(store.jobs, {}, "forward")).toEqual(all);
      expect(await walk(store.jobs, {}, "backward")).toEqual(all.toReversed());
    });

    test("ends at both bounds when it has two", async () => {
      const jobs = [];
      for (let index = 0; index < 5; index++) jobs.push(await insert({ ageMs: index }));
      const [first, second, third, fourth, fifth] = jobs;
      if (!first || !fifth) throw new Error("five jobs were inserted");
      expect(await listIds({ after: first, before: fifth })).toEqual([
        second?.id,
        third?.id,
        fourth?.id,
      ]);
    });

    test("is filtered by statuses, deployment and exclusive times, together and counted alike", async () => {
      const queued = await insert({ status: "IN_QUEUE", ageMs: 1 });
      const failed = await insert({ status: "FAILED", ageMs: 2, deploymentId: "dep-2" });
      const running = await insert({ status: "IN_PROGRESS", ageMs: 3 });
      const done = await insert({ status: "SUCCEEDED", ageMs: 4 });
      const cases: [JobRange["filter"], Job[]][] = [
        [{}, [queued, failed, running, done]],
        [{ statuses: [] }, []],
        [{ statuses: ["FAILED"] }, [failed]],
        [{ statuses: ["SUCCEEDED", "IN_QUEUE", "SUCCEEDED"] }, [queued, done]],
        [
          {
            statuses: ["SUBMITTING", "IN_QUEUE", "IN_PROGRESS", "SUCCEEDED", "FAILED", "CANCELLED"],
          },
          [queued, failed, running, done],
        ],
        [{ deploymentId: "dep-2" }, [failed]],
        [{ deploymentId: "dep-1", statuses: ["FAILED", "SUCCEEDED"] }, [done]],
        [{ createdAfter: running.createdAt }, [queued, failed]],
        [{ createdBefore: failed.createdAt }, [running, done]],
        [
          { createdAfter: done.createdAt, createdBefore: queued.createdAt, deploymentId: "dep-1" },
          [running],
        ],
      ];
      for (const [filter, expected] of cases) {
        expect(await listIds({ filter })).toEqual(expected.map((job) => job.id));
        expect(await store.jobs.count(filter)).toBe(expected.length);
        expect(await listIds({ filter, limit: 1 })).toEqual(
          expected.slice(0, 1).map((job) => job.id),
        );
        expect(await listIds({ filter, limit: 1, direction: "backward" })).toEqual(
          expected.slice(-1).map((job) => job.id),
        );
      }
    });
  });

  test("lists every deployment of a job once, by id in byte order", async () => {
    expect(await store.jobs.listDeploymentIds()).toEqual([]);
    for (const deploymentId of ["b", "B", "a-1", "b", "a_1", "A"]) await insert({ deploymentId });
    expect(await store.jobs.listDeploymentIds()).toEqual(["A", "B", "a-1", "a_1", "b"]);
    expect(await store.jobs.findDeployments(["B", "c"])).toEqual(new Set(["B"]));
  });

  test("keeps jobs, keys, documents and history over a restart", async () => {
    const job = createJob({
      ownerId: "local",
      deploymentId: "d",
      upstream: "sandbox",
      apiVersion: "v2",
      now: new Date(NOW_MS),
    });
    await store.jobs.insert({ job, input: { seed: 1 }, key: { key: "k", fingerprint: "f" } });
    await store.jobs.save(accept(job), null);
    store = await fresh.restart();
    expect(await store.jobs.readKeyed("local", "k")).toEqual({
      job: accept(job),
      fingerprint: "f",
    });
    expect(await readDocuments(job.id)).toEqual({
      input: '{"seed":1}',
      output: null,
      assets: null,
    });
    expect((await store.jobs.readHistories([job.id]))[0]).toHaveLength(2);
  });

  describe("waking", () => {
    test("wakes a job's watchers after each write, when the write can be read, and nobody else", async () => {
      const job = await insert();
      const other = await insert();
      const seen: Promise<Job | null>[] = [];
      let others = 0;
      store.feed.subscribeToJob(job.id, () => seen.push(store.jobs.read(job.id)));
      store.feed.subscribeToJob(other.id, () => others++);
      await store.jobs.save(accept(job), null);
      expect(await Promise.all(seen)).toEqual([accept(job)]);
      // Nothing is written, so nobody is woken.
      await store.jobs.save(accept(job), null);
      expect(seen).toHaveLength(1);
      expect(others).toBe(0);
      await store.jobs.withdraw(other.id);
      expect(others).toBe(1);
    });

    test("stops waking a watcher that left, and only that one", async () => {
      const job = await insert();
      let woken = 0;
      const wake = () => woken++;
      const leave = store.feed.subscribeToJob(job.id, wake);
      const leaveToo = store.feed.subscribeToJob(job.id, wake);
      leave();
      leave();
      await store.jobs.save(accept(job), null);
      expect(woken).toBe(1);
      leaveToo();
      await store.jobs.withdraw(job.id);
      expect(woken).toBe(1);
    });
  });

  describeFeed({
    store: () => store,
    async restart() {
      store = await fresh.restart();
    },
  });

  describePolls({
    store: () => store,
    channels: () => channels,
    pass: (ms) => fresh.pass(ms),
    execute: (sql) => fresh.execute(sql),
  });
  describeRuns({ store: () => store, execute: (sql) => fresh.execute(sql) });
  describeUpstreams({
    restart: (upstream) => fresh.restart(upstream),
    execute: (sql) => fresh.execute(sql),
    pass: (ms) => fresh.pass(ms),
  });
  describeFiles({ store: () => store, execute: (sql) => fresh.execute(sql) });
  describeRecovery({ store: () => store });
  describeOwners({ store: () => store, statements: () => statements });
  describeTags({
    store: () => store,
    statements: () => statements,
    execute: (sql) => fresh.execute(sql),
  });

  describeTexts({ store: () => store, execute: (sql) => fresh.execute(sql) });

  test("counts to 10,000 and no further, whatever the filter", async () => {
    await addMany(10_020);
    expect(await store.jobs.count({})).toBe(10_000);
    expect(await store.jobs.count({ ownerId: "many" })).toBe(10_000);
    expect(await store.jobs.count({ deploymentId: "d" })).toBe(10_000);
    expect(await store.jobs.count({ statuses: ["SUCCEEDED", "FAILED"] })).toBe(10_000);
    expect(await store.jobs.count({ statuses: ["FAILED"] })).toBe(5_010);
    expect(await store.jobs.count({ statuses: ["FAILED"], deploymentId: "other" })).toBe(0);
    expect(await store.jobs.count({ statuses: [] })).toBe(0);
    expect(await store.jobs.count({ statuses: JOB_STATUSES })).toBe(10_000);
  });

  test("answers a ping while open, and rejects once closed", async () => {
    await store.ping();
    await store.close();
    await expect(store.ping()).rejects.toThrow();
    await expect(store.jobs.count({})).rejects.toThrow();
  });
}
