import pg from "pg";
import { describe, expect, test } from "vitest";

import type { Job } from "../../src/job/job.ts";
import { createJob } from "../../src/job/job.ts";
import { NO_POLLS } from "../../src/job/poll-outcome.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import type { ClaimedPoll, EndedPoll } from "../../src/store/polls.ts";
import { useSharedPostgres } from "./shared-postgres.ts";

const AT_ONCE = 20;

describe("polls that gateways on one Postgres share", () => {
  const { url, open, close, query } = useSharedPostgres();

  /** The ids of jobs that were accepted just now. */
  async function accept(store: JobStore, count: number): Promise<string[]> {
    const jobs = Array.from({ length: count }, () =>
      createJob({
        ownerId: "local",
        deploymentId: "d",
        upstream: "sandbox",
        apiVersion: "v1",
        now: new Date(),
      }),
    );
    const insert = async (job: Job): Promise<void> => {
      await store.jobs.insert({ job, input: {}, key: null });
      const accepted = { ...job, version: 2, status: "IN_QUEUE", requestId: job.id } as const;
      expect(await store.jobs.save(accepted, null)).toBe(true);
    };
    // All at once would wait for a connection, and on a busy machine longer than the gateway waits for one.
    for (let from = 0; from < count; from += AT_ONCE)
      await Promise.all(jobs.slice(from, from + AT_ONCE).map(insert));
    return jobs.map(({ id }) => id).toSorted();
  }

  async function claimIds(store: JobStore, limit: number): Promise<string[]> {
    const { polls } = await store.polls.claimDue({ limit, exceptDeployments: [] });
    return polls.map(({ job }) => job.id);
  }

  function toPutBack({ job, token }: ClaimedPoll): EndedPoll {
    return { ...NO_POLLS, jobId: job.id, token, delayMs: 0 };
  }

  const makeDue = () => query("update polls set due_at = due_at - 60000");

  test("are each claimed by one of those that claim at once", async () => {
    const stores = [await open(), await open(), await open()];
    const [first] = stores;
    if (first === undefined) throw new Error("three are open");
    const ids = await accept(first, 400);
    await makeDue();
    const claims = await Promise.all(
      stores.map(async (store) => {
        const claimed: string[] = [];
        for (let round = 0; round < 10; round++) claimed.push(...(await claimIds(store, 10)));
        return claimed;
      }),
    );
    const claimed = claims.flat();
    expect(new Set(claimed).size).toBe(claimed.length);
    const rest = await claimIds(first, 1_000);
    expect([...claimed, ...rest].toSorted()).toEqual(ids);
  });

  test("are taken over where a claim expired, and neither where it was put back nor by whom it was made", async () => {
    const [gone, other] = [await open(), await open()];
    const claim = async () =>
      (await other.polls.claimDue({ limit: 10, exceptDeployments: [] })).polls;
    const [first = "", second = ""] = await accept(gone, 2);
    await makeDue();
    expect((await claim()).map(({ isTakenOver }) => isTakenOver)).toEqual([false, false]);
    // Somebody waits for the one, so its claim is not waited for.
    const [wanted] = await other.polls.claimThese([first]);
    expect(wanted?.isTakenOver).toBe(false);
    await makeDue();
    const polls = await claim();
    expect(polls.map(({ job }) => job.id).toSorted()).toEqual([first, second]);
    expect(polls.map(({ isTakenOver }) => isTakenOver)).toEqual([true, true]);
    await other.polls.putBack(polls.map(toPutBack));
    await makeDue();
    expect((await claim()).map(({ isTakenOver }) => isTakenOver)).toEqual([false, false]);
  });

  test("are claimed and put back by several at once, in whatever order, without a deadlock", async () => {
    const [a, b] = [await open(), await open()];
    const ids = await accept(a, 200);
    const claimAndPutBack = async (store: JobStore, jobIds: readonly string[]) => {
      for (let round = 0; round < 20; round++) {
        const polls = (await store.polls.claimThese(jobIds)).map((poll) => toPutBack(poll));
        const tokens = new Map(polls.map((poll) => [poll.jobId, poll]));
        await store.polls.putBack(jobIds.flatMap((id) => tokens.get(id) ?? []));
      }
    };
    await Promise.all([claimAndPutBack(a, ids), claimAndPutBack(b, ids.toReversed())]);
    expect(await a.polls.claimThese(ids)).toHaveLength(200);
  });

  test("are left behind by none who is gone: another one claims them when the claims end", async () => {
    const [gone, heir] = [await open(), await open()];
    const ids = await accept(gone, 5);
    await makeDue();
    expect(await claimIds(gone, 5)).toHaveLength(5);
    await close(gone);
    expect(await claimIds(heir, 5)).toEqual([]);
    await makeDue();
    expect((await claimIds(heir, 5)).toSorted()).toEqual(ids);
  });

  test("are claimed and put back while all other connections are taken", async () => {
    const store = await open();
    const [id = ""] = await accept(store, 1);
    const job = await store.jobs.read(id);
    if (job === null) throw new Error("the job was inserted");
    const client = new pg.Client(url());
    await client.connect();
    await client.query("begin");
    await client.query("select from jobs where id = $1 for update", [id]);
    const saves = Promise.all(
      Array.from({ length: 20 }, () => store.jobs.save({ ...job, version: 3 }, null)),
    );
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    await expect.poll(async () => (await query(waiting)).length).toBe(6);
    await makeDue();
    const { polls } = await store.polls.claimDue({ limit: 1, exceptDeployments: [] });
    await store.polls.putBack(polls.map((poll) => toPutBack(poll)));
    expect(await store.polls.claimThese([id])).toHaveLength(1);
    await store.polls.mendTimes();
    await client.query("commit");
    await client.end();
    expect((await saves).filter(Boolean)).toHaveLength(1);
  });

  test("come due although their time was written before the database's clock was set back", async () => {
    const store = await open();
    const ids = await accept(store, 3);
    await query("update polls set due_at = due_at + 3600000");
    expect(await claimIds(store, 10)).toEqual([]);
    await store.polls.mendTimes();
    expect((await claimIds(store, 10)).toSorted()).toEqual(ids);
  });
});
