import { pino } from "pino";
import { describe, expect, test } from "vitest";

import { createSubscriptions } from "../../src/engine/diagnostics/channels.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { conclude, NO_POLLS } from "../../src/engine/job/polls.ts";
import type { ClaimedPoll } from "../../src/engine/store/polls.ts";
import { toResult } from "../support/to-result.ts";
import {
  ACCEPTED,
  CANCELLED,
  type Context,
  FAILED,
  insertJob,
  RUNNING,
  see,
  SUCCEEDED,
  toPutBack,
  UNANSWERED,
} from "./store-jobs.ts";

const FIRST_POLL_MS = 500;
const CLAIM_MS = 9_000;
const DAY_MS = 86_400_000;
const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const NOTHING = { polls: [], nextInMs: null };

/** What every database promises of the polls to come. */
export function describePolls({ store, channels, pass, execute }: Context): void {
  const accept = async (facts: Partial<Job> = {}) =>
    await see(store(), await insertJob(store(), facts), ACCEPTED);

  const claim = (limit = 100, exceptDeployments: readonly string[] = []) =>
    store().polls.claimDue({ limit, exceptDeployments });

  /** Sorted: which are claimed is what counts. */
  async function claimIds(...options: Parameters<typeof claim>): Promise<string[]> {
    return (await claim(...options)).polls.map(({ job }) => job.id).toSorted();
  }

  async function claimOne(): Promise<ClaimedPoll> {
    const [poll, ...others] = (await claim()).polls;
    if (poll === undefined || others.length > 0) throw new Error("not one poll was due");
    return poll;
  }

  const putBack = (...poll: Parameters<typeof toPutBack>) =>
    store().polls.putBack([toPutBack(...poll)]);

  describe("polls to come", () => {
    test("begin half a second after the acceptance, not before, and bring the whole job and its trace", async () => {
      const { on, close } = createSubscriptions(pino());
      on(channels.inserting, (message) => (message.traceparent = TRACEPARENT));
      const job = await accept();
      close();
      await pass(FIRST_POLL_MS - 1);
      expect(await claim()).toEqual({ polls: [], nextInMs: 1 });
      await pass(1);
      const token = expect.any(Number);
      expect((await claim()).polls).toEqual([
        {
          ...{ job, token, isTakenOver: false, notifiedForMs: null },
          ...{ polls: NO_POLLS, traceparent: TRACEPARENT },
        },
      ]);
      const { jobs } = store();
      expect(await jobs.readTraceparent(job.id)).toBe(TRACEPARENT);
      expect(await jobs.readTraceparent((await insertJob(store())).id)).toBeNull();
      expect(await jobs.readTraceparent("job_x")).toBeNull();
    });

    test("are none of a job that is still being submitted, was refused or has an unknown fate", async () => {
      await insertJob(store());
      await store().jobs.withdraw((await insertJob(store())).id);
      await see(store(), await insertJob(store()), UNANSWERED);
      await pass(60_000);
      expect(await claim()).toEqual(NOTHING);
    });

    test.for([SUCCEEDED, FAILED, CANCELLED])(
      "go on while a job runs, and end when it has $kind",
      async (end) => {
        const job = await see(store(), await accept(), RUNNING);
        await pass(FIRST_POLL_MS);
        const poll = await claimOne();
        expect(poll.job).toEqual(job);
        await see(store(), job, end);
        await putBack(poll);
        await pass(60_000);
        expect(await claim()).toEqual(NOTHING);
      },
    );

    test("are none where the acceptance could not be written", async () => {
      const job = await insertJob(store());
      const accepted: Job = { ...job, version: 2, status: "IN_QUEUE", requestId: "r" };
      // The output's statement, which comes last, fails.
      await execute("alter table job_documents rename to hidden_documents");
      await expect(store().jobs.save(job, accepted, toResult("output"))).rejects.toThrow();
      await execute("alter table hidden_documents rename to job_documents");
      expect(await store().jobs.read(job.id)).toEqual(job);
      await pass(FIRST_POLL_MS);
      expect(await claim()).toEqual(NOTHING);
      expect(await store().jobs.save(job, accepted, null)).toBe(true);
      await pass(FIRST_POLL_MS);
      expect(await claimIds()).toEqual([job.id]);
    });

    test("are claimed up to a limit, the one that is due longest first, and those of other deployments are passed over", async () => {
      const ids: string[] = [];
      for (const deploymentId of ["a", "b", "c", "a", "b"]) {
        ids.push((await accept({ deploymentId })).id);
        await pass(1);
      }
      const [first = "", second = "", third = "", fourth = "", fifth = ""] = ids;
      await pass(FIRST_POLL_MS);
      expect(await claimIds(1)).toEqual([first]);
      expect(await claimIds(1, ["b", "c"])).toEqual([fourth]);
      expect(await claimIds(2, ["a"])).toEqual([second, third].toSorted());
      expect(await claimIds(2, ["b", "%", "'"])).toEqual([]);
      expect(await claimIds(2)).toEqual([fifth]);
    });

    test("are nobody else's while they are claimed, and come due again when the claim ends, which who lost it can't change", async () => {
      await accept();
      await pass(FIRST_POLL_MS);
      const late = await claimOne();
      await pass(CLAIM_MS - 1);
      expect(await claim()).toEqual({ polls: [], nextInMs: 1 });
      await pass(1);
      const mine = await claimOne();
      expect(mine).toMatchObject({ job: late.job, polls: NO_POLLS });
      expect(mine.token).not.toBe(late.token);
      await putBack(late, { failures: 7, notFoundForMs: 7, unreadForMs: 7 });
      expect(await claim()).toMatchObject({ polls: [] });
      await putBack(mine, { failures: 1 });
      expect((await claimOne()).polls).toEqual({ ...NO_POLLS, failures: 1 });
    });

    test("are put back with when they are due next and what is remembered, whose ages grow", async () => {
      await accept();
      await pass(FIRST_POLL_MS);
      const first = await claimOne();
      await putBack(first, { delayMs: 2_000, failures: 3, notFoundForMs: 0, unreadForMs: 40 });
      await pass(1_999);
      expect(await claim()).toEqual({ polls: [], nextInMs: 1 });
      await pass(1);
      const second = await claimOne();
      expect(second.polls).toEqual({ failures: 3, notFoundForMs: 2_000, unreadForMs: 2_040 });
      // The poll itself takes time, too, which its memory already counts.
      await pass(100);
      const polls = { failures: 4, notFoundForMs: 2_100, unreadForMs: null };
      await putBack(second, polls);
      const third = await claimOne();
      expect(third.polls).toEqual(polls);
      await putBack(third);
      expect((await claimOne()).polls).toEqual(NO_POLLS);
    });

    test("are put back together, each as it is said", async () => {
      const ids = [(await accept()).id, (await accept()).id, (await accept()).id];
      await pass(FIRST_POLL_MS);
      const { polls } = await claim();
      await store().polls.putBack(
        polls.map((poll) => {
          const index = ids.indexOf(poll.job.id);
          return toPutBack(poll, { delayMs: index * 1_000, failures: index });
        }),
      );
      for (const [failures, id] of ids.entries()) {
        const due = (await claim()).polls.map((poll) => [poll.job.id, poll.polls.failures]);
        expect(due).toEqual([[id, failures]]);
        await pass(1_000);
      }
    });

    test("say when another one is due, besides those that are claimed now", async () => {
      expect(await claim()).toEqual(NOTHING);
      await accept();
      await pass(FIRST_POLL_MS);
      await accept();
      await pass(100);
      expect(await claim()).toMatchObject({ polls: [{}], nextInMs: FIRST_POLL_MS - 100 });
    });

    test("come due with an upstream webhook, which the one that claims them sees", async () => {
      const [notified, other] = [await accept(), await accept({ deploymentId: "other" })];
      await pass(FIRST_POLL_MS);
      for (const poll of (await claim()).polls) await putBack(poll, { delayMs: 10_000 });
      await pass(1_000);
      expect(await store().polls.makeDue([notified.id, "job_x"])).toEqual([
        { jobId: notified.id, deploymentId: "d" },
      ]);
      const poll = await claimOne();
      expect(poll).toMatchObject({ job: notified, notifiedForMs: 0, isTakenOver: false });
      expect(await store().polls.putBack([toPutBack(poll, { delayMs: 5_000 })])).toBe(5_000);
      await pass(5_000);
      expect(await claimOne()).toMatchObject({ job: notified, notifiedForMs: 5_000 });
      await pass(4_000);
      expect(await claimOne()).toMatchObject({ job: other, notifiedForMs: null });
    });

    test("come due with upstream webhooks once a second, also where the last one came too soon", async () => {
      const { id } = await accept();
      await pass(FIRST_POLL_MS);
      await putBack(await claimOne(), { delayMs: 50_000 });
      const makeDue = async () => (await store().polls.makeDue([id])).length;
      expect(await makeDue()).toBe(1);
      await putBack(await claimOne(), { delayMs: 50_000 });
      await pass(100);
      expect(await makeDue()).toBe(1);
      expect(await makeDue()).toBe(0);
      expect(await claim()).toEqual({ polls: [], nextInMs: 900 });
      await pass(899);
      expect(await makeDue()).toBe(0);
      expect(await claim()).toEqual({ polls: [], nextInMs: 1 });
      await pass(1);
      await putBack(await claimOne(), { delayMs: 50_000 });
      expect(await claim()).toEqual({ polls: [], nextInMs: 50_000 });
      // A second after the last one that counted.
      await makeDue();
      expect(await claim()).toEqual({ polls: [], nextInMs: 1_000 });
    });

    test("stay with their claim when an upstream webhook comes, and come due with it when they are put back", async () => {
      const { id } = await accept();
      await pass(FIRST_POLL_MS);
      const mine = await claimOne();
      expect(await store().polls.makeDue([id])).toHaveLength(1);
      await pass(200);
      expect(await claim()).toMatchObject({ polls: [] });
      expect(await store().polls.putBack([toPutBack(mine, { delayMs: 15_000 })])).toBeLessThan(0);
      const next = await claimOne();
      expect(next).toMatchObject({ isTakenOver: false, notifiedForMs: 0 });
      expect(await store().polls.putBack([toPutBack(next, { delayMs: 15_000 })])).toBe(15_000);
      // What is due anyway stays so.
      await pass(15_000);
      await store().polls.makeDue([id]);
      expect(await claimOne()).toMatchObject({ notifiedForMs: 0 });
    });

    test("don't come due with an upstream webhook for jobs that ended, that are detached, or that don't exist", async () => {
      const [ended, away] = [await see(store(), await accept(), SUCCEEDED), await accept()];
      await pass(FIRST_POLL_MS);
      await putBack(await claimOne(), { delayMs: null });
      expect(await store().polls.makeDue([ended.id, away.id, "job_x", "", "'"])).toEqual([]);
      expect(await store().polls.makeDue([])).toEqual([]);
      expect(await claim()).toEqual(NOTHING);
    });

    test("come due at the end of a run for the job in its queue that was sent first", async () => {
      const acceptAt = (createdMs: number, sentMs: number) =>
        accept({ createdAt: new Date(createdMs), sentAt: new Date(sentMs) });
      const running = await acceptAt(4, 5);
      const [last, next] = [await acceptAt(1, 8), await acceptAt(3, 7)];
      await pass(FIRST_POLL_MS);
      for (const poll of (await claim()).polls) await putBack(poll, { delayMs: 60_000 });
      await see(store(), running, RUNNING, SUCCEEDED);
      expect(await claimIds()).toEqual([next.id]);
      await see(store(), next, RUNNING, SUCCEEDED);
      expect(await claimIds()).toEqual([last.id]);
    });

    test("find a job neither lost nor expired that was sent just now, however long ago it was created", async () => {
      const now = Date.now();
      const following = { upstream: "sandbox", deadlineSeconds: 60 };
      const notFound = { failures: 9, notFoundForMs: 29_000, unreadForMs: null };
      for (const [sentAgoMs, ...codes] of [
        [29_000, null, null],
        [61_000, "LOST", "EXPIRED"],
      ] as const) {
        const times = { createdAt: new Date(now - DAY_MS), sentAt: new Date(now - sentAgoMs) };
        await accept(times);
        await pass(FIRST_POLL_MS);
        const { job } = await claimOne();
        expect(job).toMatchObject(times);
        const concluded = [{ kind: "not-found" } as const, { kind: "failed" } as const].map(
          (outcome) => conclude(job, notFound, outcome, new Date(now), following),
        );
        const found = concluded.map((end) => (end?.kind === "failed" ? end.error.code : null));
        expect(found).toEqual(codes);
        await see(store(), job, CANCELLED);
      }
    });

    test("come due at once where they are due later than any can be, and no others do", async () => {
      const [soon, never] = [await accept(), await accept()];
      await pass(FIRST_POLL_MS);
      for (const poll of (await claim()).polls)
        await putBack(poll, { delayMs: poll.job.id === soon.id ? 60_000 : 60_001 });
      await store().polls.mendTimes();
      expect(await claimIds()).toEqual([never.id]);
      await pass(60_000);
      expect(await claimIds()).toContain(soon.id);
    });
  });
}
