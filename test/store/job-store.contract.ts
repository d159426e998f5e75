import { beforeEach, describe, expect, test } from "vitest";

import { advance } from "../../src/engine/job/advance.ts";
import { findAssets } from "../../src/engine/job/asset.ts";
import { type Job, JOB_STATUSES } from "../../src/engine/job/job.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import type { JobRange } from "../../src/engine/store/list-jobs.ts";
import { toResult } from "../support/to-result.ts";
import { walk } from "../support/walk.ts";
import { describeFeed } from "./feed.contract.ts";
import { describeFiles } from "./files.contract.ts";
import { describeHolds } from "./holds.contract.ts";
import { describeLabels } from "./labels.contract.ts";
import { describeLateCosts } from "./late-costs.contract.ts";
import { describeOwners } from "./owners.contract.ts";
import { describePolls } from "./polls.contract.ts";
import { describeRecovery } from "./recovery.contract.ts";
import { describeRuns } from "./runs.contract.ts";
import { describePausedDeployments } from "./paused-deployments.contract.ts";
import { describeSignIns } from "./sign-ins.contract.ts";
import {
  ACCEPTED,
  addMany,
  type Context,
  FAILED,
  insertJob,
  makeJob,
  RUNNING,
  see,
} from "./store-jobs.ts";
import { describeTexts } from "./texts.contract.ts";
import { describeUpstreams } from "./upstreams.contract.ts";

const FACTS = {
  createdAt: new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)),
  sentAt: new Date(Date.UTC(2026, 0, 3)),
};
const INPUT = { prompt: "a cat" };

/** What every database promises. */
export function describeJobStore(context: Context): void {
  const { statements } = context;
  let store: JobStore;
  beforeEach(() => {
    store = context.store();
  });

  async function restart(): Promise<void> {
    await context.restart();
    store = context.store();
  }

  async function insert(facts: Partial<Job> = {}): Promise<Job> {
    return await insertJob(store, { ...FACTS, ...facts }, { input: INPUT });
  }

  async function readTexts(id: string) {
    const names = ["input", "output", "assets"] as const;
    return await Promise.all(names.map((name) => store.documents.readText(id, name)));
  }

  async function listIds(range: Partial<JobRange> = {}): Promise<string[]> {
    const page = await store.jobs.list({ filter: {}, direction: "forward", limit: 100, ...range });
    return page.jobs.map(({ id }) => id);
  }

  describe("inserting", () => {
    test("keeps a job, its first event and its input as they are, also over a restart", async () => {
      const job = await insertJob(store, FACTS, {
        input: INPUT,
        key: { key: "k", fingerprint: "f" },
      });
      const expectIt = async () => {
        expect(await store.jobs.read(job.id)).toEqual(job);
        expect(await store.jobs.readKeyed("local", "k")).toEqual({ job, fingerprint: "f" });
        expect(await store.jobs.readHistories([job.id])).toEqual([
          [{ version: 1, status: "SUBMITTING", at: job.updatedAt }],
        ]);
        expect(await readTexts(job.id)).toEqual(['{"prompt":"a cat"}', null, null]);
      };
      await expectIt();
      await restart();
      await expectIt();
    });

    test("lets exactly one of many under one key win, and adds nothing for the others", async () => {
      const jobs = Array.from({ length: 12 }, () => makeJob(FACTS));
      const answers = await Promise.all(
        jobs.map((job) =>
          store.jobs.insert({ job, input: {}, key: { key: "raced", fingerprint: job.id } }),
        ),
      );
      const winners = jobs.filter((_, index) => answers[index]);
      expect(winners).toHaveLength(1);
      const kept = await store.jobs.readKeyed("local", "raced");
      expect(kept).toEqual({ job: winners[0], fingerprint: winners[0]?.id });
      expect(await store.jobs.readKeyed("local", "RACED")).toBeNull();
      expect(await store.jobs.count({})).toBe(1);
      const histories = await store.jobs.readHistories(jobs.map(({ id }) => id));
      expect(histories.flat()).toHaveLength(1);
    });

    describe("without a key, but with what identifies repeats", () => {
      const submit = (job = makeJob(FACTS), fingerprint = "f") =>
        store.jobs.insert({ job, input: {}, key: { key: null, fingerprint, repeats: "found" } });
      const fail = (retryable: boolean): Partial<Job> => ({
        status: "FAILED",
        error: { code: retryable ? "LOST" : "SUBMISSION_UNKNOWN", message: "Lost.", retryable },
      });

      test("lets exactly one of many win, which the others repeat", async () => {
        const jobs = Array.from({ length: 12 }, () => makeJob(FACTS));
        const answers = await Promise.all(jobs.map((job) => submit(job)));
        const winners = jobs.filter((_, index) => answers[index]);
        expect(winners).toHaveLength(1);
        expect(await store.jobs.readRepeated("local", "f")).toEqual(winners[0]);
        expect(await store.jobs.count({})).toBe(1);
        expect(await store.jobs.readRepeated("nobody", "f")).toBeNull();
        expect(await submit(makeJob(FACTS), "other")).toBe(true);
        expect(await submit(makeJob({ ...FACTS, ownerId: "nobody" }))).toBe(true);
      });

      test.each([
        { what: "is cancelled", change: { status: "CANCELLED" }, isRepeated: false },
        { what: "failed so that another may help", change: fail(true), isRepeated: false },
        { what: "may have been paid for", change: fail(false), isRepeated: true },
        { what: "SUCCEEDED", change: { status: "SUCCEEDED" }, isRepeated: true },
      ] as const)(
        "of a job that $what: repeated is $isRepeated",
        async ({ change, isRepeated }) => {
          const job = makeJob(FACTS);
          await submit(job);
          const ended = { ...job, ...change, version: 2, finishedAt: new Date() };
          await store.jobs.save(job, ended, null);
          expect((await store.jobs.readRepeated("local", "f")) !== null).toBe(isRepeated);
          const another = makeJob(FACTS);
          expect(await submit(another)).toBe(!isRepeated);
          const id = (await store.jobs.readRepeated("local", "f"))?.id;
          expect(id).toBe(isRepeated ? job.id : another.id);
        },
      );

      test.each([
        { how: "for a new run", key: null },
        { how: "with a key", key: "k" },
      ])("repeats the newest, also one that was submitted $how", async ({ key }) => {
        await submit();
        const job = makeJob(FACTS);
        const noted = { key, fingerprint: "f", repeats: "noted" } as const;
        expect(await store.jobs.insert({ job, input: {}, key: noted })).toBe(true);
        expect((await store.jobs.readRepeated("local", "f"))?.id).toBe(job.id);
        expect(await submit()).toBe(false);
        if (key === null) return;
        // A retry with the key is no other job, and what was noted last stays.
        const retry = { job: makeJob(FACTS), input: {}, key: noted };
        expect(await store.jobs.insert(retry)).toBe(false);
        expect((await store.jobs.readRepeated("local", "f"))?.id).toBe(job.id);
      });

      test("is forgotten after ten minutes, and with its job", async () => {
        const job = makeJob(FACTS);
        await submit(job);
        await context.execute("update repeatable_submits set until = until - 599000");
        expect((await store.jobs.readRepeated("local", "f"))?.id).toBe(job.id);
        await context.execute("update repeatable_submits set until = until - 1000");
        expect(await store.jobs.readRepeated("local", "f")).toBeNull();
        const another = makeJob(FACTS);
        expect(await submit(another)).toBe(true);
        await store.jobs.withdraw(another.id);
        expect(await store.jobs.readRepeated("local", "f")).toBeNull();
        expect(await submit()).toBe(true);
      });

      test("leaves what is forgotten to later submits, the oldest to the next", async () => {
        const ends = Array.from({ length: 250 }, (_, index) => index);
        const rows = ends.toReversed().map((end) => `('o', 'f${end}', 'j', ${end})`);
        await context.execute(
          `insert into repeatable_submits (owner_id, fingerprint, job_id, until) values ${rows.join()}`,
        );
        const readEnds = async () => {
          const noted = store.database.queries.selectFrom("repeatable_submits").select("until");
          return (await noted.orderBy("until").execute()).map(({ until }) => until);
        };
        await submit();
        expect((await readEnds()).slice(0, -1)).toEqual(ends.slice(100));
        await submit(makeJob(FACTS), "other");
        await submit(makeJob(FACTS), "third");
        expect(await readEnds()).toHaveLength(3);
      });
    });

    test("stores hostile keys and characters unharmed", async () => {
      const text = `{"__proto__":{"x":1},"then":"t","constructor":null,"s":"\\u0000 \\ud800 😀","n":[1.5,-0.25,9007199254740991,true]}`;
      const input = JSON.parse(text);
      const job = await insertJob(store, FACTS, { input });
      await see(store, job, ACCEPTED, toResult(input));
      const stored = JSON.stringify(input);
      expect(await readTexts(job.id)).toEqual([stored, stored, "[]"]);
      const read = await store.documents.readInput(job.id);
      expect(Object.hasOwn(read ?? {}, "__proto__")).toBe(true);
    });
  });

  describe("saving", () => {
    test("writes the next version, errors and times included, with an event for a new status and for no move", async () => {
      let job = await insert();
      const moves = [3, 2, null, 1].map(
        (queuePosition) => ({ kind: "queued", queuePosition }) as const,
      );
      for (const seen of [ACCEPTED, ...moves, RUNNING, FAILED]) {
        job = await see(store, job, seen);
        expect(await store.jobs.read(job.id)).toEqual(job);
      }
      const [history] = await store.jobs.readHistories([job.id]);
      expect(history?.map((event) => [event.version, event.status])).toEqual([
        [1, "SUBMITTING"],
        [2, "IN_QUEUE"],
        [7, "IN_PROGRESS"],
        [8, "FAILED"],
      ]);
      expect(history?.at(-1)?.at).toEqual(job.updatedAt);
    });

    test("refuses a version that does not follow the stored one, and writes nothing", async () => {
      const job = await insert();
      const accepted = advance(job, ACCEPTED, new Date(), "sandbox");
      for (const change of [{ version: 1 }, { version: 3 }, { id: "job_unknown" }])
        expect(await store.jobs.save(job, { ...accepted, ...change }, null)).toBe(false);
      expect(await store.jobs.read(job.id)).toEqual(job);
      const histories = await store.jobs.readHistories([job.id, "job_unknown"]);
      expect(histories.map((events) => events.length)).toEqual([1, 0]);
    });

    test.for(["SUCCEEDED", "FAILED", "CANCELLED"] as const)(
      "never changes a job that is %s",
      async (status) => {
        const job = await insert({ status });
        const next: Job = { ...job, version: 2, status: "IN_PROGRESS" };
        expect(await store.jobs.save(job, next, null)).toBe(false);
        expect(await store.jobs.read(job.id)).toEqual(job);
      },
    );

    test("lets exactly one of many saves of the same version win", async () => {
      const job = await insert();
      const saves = await Promise.all(
        Array.from({ length: 12 }, (_, index) => {
          const seen = { kind: "accepted", requestId: `request-${index}` } as const;
          return store.jobs.save(job, advance(job, seen, new Date(), "sandbox"), null);
        }),
      );
      expect(saves.filter(Boolean)).toHaveLength(1);
      const requestId = `request-${saves.indexOf(true)}`;
      expect(await store.jobs.read(job.id)).toMatchObject({ requestId });
      expect((await store.jobs.readHistories([job.id]))[0]).toHaveLength(2);
    });
  });

  describe("withdrawing", () => {
    test("leaves no trace of the job and frees its key", async () => {
      const key = { key: "k", fingerprint: "f" };
      const job = await insertJob(store, FACTS, { key });
      expect(await store.jobs.withdraw(job.id)).toBe(true);
      expect(await store.jobs.withdraw("job_unknown")).toBe(true);
      expect(await store.jobs.read(job.id)).toBeNull();
      expect(await store.jobs.readHistories([job.id])).toEqual([[]]);
      expect(await store.jobs.findDeployments(["d"])).toEqual(new Set());
      expect(await store.jobs.readKeyed("local", "k")).toBeNull();
      await insertJob(store, FACTS, { key });
    });

    test("deletes no job that the upstream accepted", async () => {
      const job = await see(store, await insert(), ACCEPTED);
      expect(await store.jobs.withdraw(job.id)).toBe(false);
      expect(await store.jobs.read(job.id)).toEqual(job);
    });
  });

  describe("reading many", () => {
    test("answers in the order of the ids, doubles and unknown ones included", async () => {
      const [a, b] = [await insert(), await insert()];
      const ids = [b.id, "job_unknown", a.id, b.id];
      expect(await store.jobs.readMany(ids)).toEqual([b, null, a, b]);
      const histories = await store.jobs.readHistories(ids);
      expect(histories.map((events) => events.length)).toEqual([1, 0, 1, 1]);
      const stored = await store.documents.read(ids, 0);
      expect(stored.map((documents) => documents === null)).toEqual([false, true, false, false]);
      expect(await store.documents.readInput(a.id)).toEqual(INPUT);
      expect(await store.documents.readInput("job_unknown")).toBeNull();
    });

    test("costs one statement for a thousand ids, none for no ids, and as many as are needed for more", async () => {
      const job = await insert();
      const ids = Array.from({ length: 1_000 }, (_, index) => `job_${index}`);
      const readDocuments = (some: readonly string[]) => store.documents.read(some, 0);
      for (const read of [store.jobs.readMany, store.jobs.readHistories, readDocuments]) {
        statements.length = 0;
        await read([]);
        expect(statements.length).toBe(0);
        await read([...ids, ...ids]);
        expect(statements.length).toBe(1);
      }
      statements.length = 0;
      const [found] = await store.jobs.readMany([job.id, ...ids, ...ids.map((id) => `${id}-2`)]);
      expect([found, statements.length]).toEqual([job, 3]);
    });

    test("gives the sizes of documents, and reads those that are small, in one statement", async () => {
      const small = await insert();
      const output = { url: `https://x.runcomfy.net/${"é".repeat(600)}` };
      const large = await see(store, await insert(), ACCEPTED, toResult(output));
      const assets = JSON.stringify(findAssets(output));
      statements.length = 0;
      const found = await store.documents.read([large.id, "job_missing", small.id], 1_200);
      expect(statements.length).toBe(1);
      const text = '{"prompt":"a cat"}';
      const input = { bytes: text.length, text };
      const bytes = Buffer.byteLength(assets);
      expect(found).toEqual([
        { input, output: { bytes: 1_233, text: null }, assets: { bytes, text: null } },
        null,
        { input, output: null, assets: null },
      ]);
      expect(await readTexts(large.id)).toEqual([text, JSON.stringify(output), assets]);
      expect(await readTexts("job_missing")).toEqual([null, null, null]);
    });

    test("reads the first files and how many there are from where they are few, never from the list of all", async () => {
      const toUrls = (count: number, characters: number) =>
        Array.from({ length: count }, (_, index) =>
          `https://x.runcomfy.net/"},{"/${index}/`.padEnd(characters, "é"),
        );
      const cases = [
        { urls: toUrls(3, 60), first: 3 },
        { urls: toUrls(900, 60), first: 100 },
        { urls: toUrls(900, 3_000), first: 6 },
        { urls: [], first: 0 },
      ];
      const ids: string[] = [];
      for (const { urls } of cases)
        ids.push((await see(store, await insert(), ACCEPTED, toResult(urls))).id);
      ids.push((await insert()).id);
      await context.execute("update job_assets set assets = 'not read' where bytes > 20000");
      statements.length = 0;
      const found = await store.documents.readFirstAssets(ids);
      expect(statements).toHaveLength(1);
      expect(found).toHaveLength(5);
      for (const [index, { urls, first }] of cases.entries())
        expect(found[index]).toEqual({
          assets: findAssets(urls).slice(0, first),
          count: urls.length,
        });
      expect(found[4]).toBeNull();
    });
  });

  describe("the list", () => {
    test("is newest first, and by id among twins, without gaps or doubles, both ways, whatever the filter", async () => {
      const jobs: Job[] = [];
      for (let index = 0; index < 11; index++)
        jobs.push(
          await insert({ tags: ["a"], createdAt: new Date(1_000 - Math.floor(index / 3)) }),
        );
      const all = jobs
        .toSorted((a, b) => +b.createdAt - +a.createdAt || (a.id < b.id ? 1 : -1))
        .map(({ id }) => id);
      for (const filter of [{}, { tag: "a" }, { tag: "a", ownerId: "local" }, { text: "cat" }]) {
        expect(await listIds({ filter })).toEqual(all);
        expect(await listIds({ filter, direction: "backward" })).toEqual(all.toReversed());
        expect(await walk(store.jobs, filter, "forward")).toEqual(all);
        expect(await walk(store.jobs, filter, "backward")).toEqual(all.toReversed());
      }
      const [after, before] = await store.jobs.readMany([all[2] ?? "", all[6] ?? ""]);
      if (!after || !before) throw new Error("they were inserted");
      expect(await listIds({ after, before })).toEqual(all.slice(3, 6));
    });

    test("is counted to 10,000 and no further, whatever the filter", async () => {
      await context.execute(addMany(10_020));
      const counts: [JobRange["filter"], number | null][] = [
        [{}, 10_000],
        [{ ownerId: "many" }, 10_000],
        [{ deploymentId: "d" }, 10_000],
        [{ statuses: ["SUCCEEDED", "FAILED"] }, 10_000],
        [{ statuses: ["FAILED"] }, 5_010],
        [{ statuses: JOB_STATUSES }, 10_000],
        [{ tag: "a" }, 10_000],
        [{ tag: "a", ownerId: "many" }, 10_000],
        [{ tag: "a", statuses: ["FAILED"] }, null],
      ];
      for (const [filter, count] of counts) expect(await store.jobs.count(filter)).toBe(count);
    });

    test("has every deployment of a job once, by id in byte order", async () => {
      expect(await store.jobs.listDeploymentIds()).toEqual([]);
      for (const deploymentId of ["b", "B", "a-1", "b", "a_1", "A"]) await insert({ deploymentId });
      expect(await store.jobs.listDeploymentIds()).toEqual(["A", "B", "a-1", "a_1", "b"]);
      expect(await store.jobs.findDeployments(["B", "c"])).toEqual(new Set(["B"]));
    });
  });

  describe("waking", () => {
    test("wakes a job's watchers after each write, when the write can be read, and nobody else", async () => {
      const [job, other] = [await insert(), await insert()];
      const seen: Promise<Job | null>[] = [];
      let others = 0;
      store.feed.subscribeToJob(job.id, () => seen.push(store.jobs.read(job.id)));
      store.feed.subscribeToJob(other.id, () => others++);
      const accepted = await see(store, job, ACCEPTED);
      expect(await Promise.all(seen)).toEqual([accepted]);
      // Nothing is written, so nobody is woken.
      await store.jobs.save(job, accepted, null);
      expect([seen.length, others]).toEqual([1, 0]);
      await store.jobs.withdraw(other.id);
      expect(others).toBe(1);
    });
  });

  describeFeed(context);
  describePolls(context);
  describeRuns(context);
  describePausedDeployments(context);
  describeSignIns(context);
  describeUpstreams(context);
  describeFiles(context);
  describeRecovery(context);
  describeOwners(context);
  describeLabels(context);
  describeLateCosts(context);
  describeHolds(context);
  describeTexts(context);

  test("answers a ping while open, and rejects once closed", async () => {
    await store.ping();
    const closed = store;
    await context.restart();
    await expect(closed.ping()).rejects.toThrow();
    await expect(closed.jobs.count({})).rejects.toThrow();
  });
}
