import { pino } from "pino";
import { describe, expect, test } from "vitest";

import { advance } from "../../src/job/advance.ts";
import type { Channels } from "../../src/diagnostics/channels.ts";
import { createSubscriptions } from "../../src/diagnostics/channels.ts";
import { INVALID_RESPONSE } from "../../src/job/errors.ts";
import { createJob, type Job } from "../../src/job/job.ts";
import { NO_POLLS } from "../../src/job/poll-outcome.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import type { ClaimedPoll, EndedPoll } from "../../src/store/polls.ts";
import { toResult } from "../support/to-result.ts";

const FIRST_POLL_MS = 500;
const CLAIM_MS = 9_000;
const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** What every database promises of the polls to come. */
export function describePolls(context: {
  readonly store: () => JobStore;
  readonly channels: () => Channels;
  /** Lets time pass on the clock that says when a poll is due; it stands still otherwise. */
  pass(ms: number): Promise<void>;
  /** Runs statements beside the store. */
  execute(sql: string): Promise<void>;
}): void {
  const { store, pass } = context;

  async function submit(deploymentId = "d", now = new Date()): Promise<Job> {
    const job = createJob({
      ownerId: "local",
      deploymentId,
      upstream: "sandbox",
      apiVersion: "v1",
      now,
    });
    expect(await store().jobs.insert({ job, input: {}, key: null })).toBe(true);
    return job;
  }

  async function accept(
    ...submitted: Parameters<typeof submit>
  ): Promise<Job & { readonly requestId: string }> {
    const job = await submit(...submitted);
    const requestId = `request-${job.id}`;
    const accepted = advance(job, { kind: "accepted", requestId }, new Date(), "sandbox");
    expect(await store().jobs.save(accepted, null)).toBe(true);
    return { ...accepted, requestId };
  }

  function claim(limit = 100, exceptDeployments: readonly string[] = []) {
    return store().polls.claimDue({ limit, exceptDeployments });
  }

  /** Sorted: which are claimed is what counts. */
  async function claimIds(...options: Parameters<typeof claim>): Promise<string[]> {
    return (await claim(...options)).polls.map(({ job }) => job.id).toSorted();
  }

  async function claimOne(): Promise<ClaimedPoll> {
    const [poll, ...others] = (await claim()).polls;
    if (poll === undefined || others.length > 0) throw new Error("not one poll was due");
    return poll;
  }

  function toPutBack({ job, token }: ClaimedPoll, delayMs: number, polls = NO_POLLS): EndedPoll {
    return { ...polls, jobId: job.id, token, delayMs };
  }

  function putBack(...poll: Parameters<typeof toPutBack>): Promise<void> {
    return store().polls.putBack([toPutBack(...poll)]);
  }

  describe("polls to come", () => {
    test("begin half a second after the acceptance, not before, and bring the whole job", async () => {
      const job = await accept();
      await pass(FIRST_POLL_MS - 1);
      expect(await claim()).toEqual({ polls: [], nextInMs: 1 });
      await pass(1);
      expect((await claim()).polls).toEqual([
        { job, token: expect.any(Number), isTakenOver: false, polls: NO_POLLS, traceparent: null },
      ]);
    });

    test("bring the trace in which the job was submitted", async () => {
      const { on, close } = createSubscriptions(pino());
      on(context.channels().inserting, (message) => (message.traceparent = TRACEPARENT));
      const job = await accept();
      close();
      await pass(FIRST_POLL_MS);
      expect((await claimOne()).traceparent).toBe(TRACEPARENT);
      expect(await store().jobs.readTraceparent(job.id)).toBe(TRACEPARENT);
      expect(await store().jobs.readTraceparent((await submit()).id)).toBeNull();
      expect(await store().jobs.readTraceparent("job_x")).toBeNull();
    });

    test("are none of a job that is still being submitted, was refused or has an unknown fate", async () => {
      const [, refused, unanswered] = [await submit(), await submit(), await submit()];
      await store().jobs.withdraw(refused.id);
      await store().jobs.save(
        advance(unanswered, { kind: "unanswered" }, new Date(), "sandbox"),
        null,
      );
      await pass(60_000);
      expect(await claim()).toEqual({ polls: [], nextInMs: null });
    });

    test.for([
      { kind: "succeeded", output: null, finishedAt: null },
      { kind: "failed", error: INVALID_RESPONSE, finishedAt: null },
      { kind: "cancelled", finishedAt: null },
    ] as const)("go on while a job runs, and end when it has $kind", async (end) => {
      const job = await accept();
      const running = advance(job, { kind: "running" }, new Date(), "sandbox");
      await store().jobs.save(running, null);
      await pass(FIRST_POLL_MS);
      const poll = await claimOne();
      expect(poll.job).toEqual(running);
      await store().jobs.save(advance(running, end, new Date(), "sandbox"), null);
      await putBack(poll, 0);
      await pass(60_000);
      expect(await claim()).toEqual({ polls: [], nextInMs: null });
      expect(await store().polls.claimThese([job.id])).toEqual([]);
    });

    test("at a queue are due at once, front first, 15 ms apart, but claimed ones and what is due earlier", async () => {
      const jobs: Job[] = [];
      for (let age = 5; age > 0; age--) jobs.push(await accept("line", new Date(-age)));
      const [claimed, early, running, ...waiting] = jobs.map(({ id }) => id);
      const other = await accept("other");
      await pass(FIRST_POLL_MS);
      for (const poll of (await claim()).polls) {
        if (poll.job.id === claimed) continue;
        if (poll.job.id === running)
          await store().jobs.save(
            advance(poll.job, { kind: "running" }, new Date(), "sandbox"),
            null,
          );
        await putBack(poll, poll.job.id === early ? 10 : 5_000);
      }
      await store().polls.makeQueueDue("line");
      await pass(10);
      expect(await claimIds()).toEqual([early]);
      // The fourth and the fifth of the queue, of which the third runs.
      await pass(19);
      expect(await claimIds()).toEqual([]);
      await pass(1);
      expect(await claimIds()).toEqual([waiting[0]]);
      await pass(15);
      expect(await claimIds()).toEqual([waiting[1]]);
      await pass(4_000);
      expect(await claimIds()).toEqual([]);
      await pass(1_000);
      expect(new Set(await claimIds())).toEqual(new Set([running, other.id]));
    });

    test("are none where the acceptance could not be written", async () => {
      const job = await submit();
      const accepted = advance(job, { kind: "accepted", requestId: "r" }, new Date(), "sandbox");
      // The output's statement, which comes last, fails.
      await context.execute("alter table job_documents rename to hidden_documents");
      await expect(store().jobs.save(accepted, toResult("output"))).rejects.toThrow();
      await context.execute("alter table hidden_documents rename to job_documents");
      expect(await store().jobs.read(job.id)).toEqual(job);
      expect(await store().polls.claimThese([job.id])).toEqual([]);
      expect(await store().jobs.save(accepted, null)).toBe(true);
      expect(await store().polls.claimThese([job.id])).toHaveLength(1);
    });

    test("are claimed up to a limit, the one that is due longest first, and those of other deployments are passed over", async () => {
      const ids: string[] = [];
      for (const deploymentId of ["a", "b", "c", "a", "b"]) {
        ids.push((await accept(deploymentId)).id);
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

    test("are nobody else's while they are claimed, and come due again when the claim ends", async () => {
      await accept();
      await pass(FIRST_POLL_MS);
      const first = await claimOne();
      await pass(CLAIM_MS - 1);
      expect(await claim()).toEqual({ polls: [], nextInMs: 1 });
      await pass(1);
      const second = await claimOne();
      const isTakenOver = expect.any(Boolean);
      expect(second).toEqual({ ...first, token: expect.any(Number), isTakenOver });
      expect(second.token).not.toBe(first.token);
    });

    test("are put back with when they are due next and what is remembered, whose ages grow", async () => {
      await accept();
      await pass(FIRST_POLL_MS);
      const first = await claimOne();
      await putBack(first, 2_000, { failures: 3, notFoundForMs: 0, unreadForMs: 40 });
      await pass(1_999);
      expect(await claim()).toEqual({ polls: [], nextInMs: 1 });
      await pass(1);
      const second = await claimOne();
      expect(second.polls).toEqual({ failures: 3, notFoundForMs: 2_000, unreadForMs: 2_040 });
      // The poll itself takes time, too, which its memory already counts.
      await pass(100);
      await putBack(second, 0, { failures: 4, notFoundForMs: 2_100, unreadForMs: null });
      const third = await claimOne();
      expect(third.polls).toEqual({ failures: 4, notFoundForMs: 2_100, unreadForMs: null });
      await putBack(third, 0);
      expect((await claimOne()).polls).toEqual(NO_POLLS);
    });

    test("are put back together, each as it is said", async () => {
      const jobs = [await accept(), await accept(), await accept()];
      await pass(FIRST_POLL_MS);
      const { polls } = await claim();
      const order = new Map(jobs.map(({ id }, index) => [id, index]));
      await store().polls.putBack(
        polls.map((poll) => {
          const place = order.get(poll.job.id) ?? 0;
          return toPutBack(poll, place * 1_000, { ...NO_POLLS, failures: place });
        }),
      );
      for (const [failures, job] of jobs.entries()) {
        const { polls: due } = await claim();
        expect(due.map((poll) => [poll.job.id, poll.polls.failures])).toEqual([[job.id, failures]]);
        await pass(1_000);
      }
    });

    test("are not put back by whoever lost the claim, and are by who has it", async () => {
      await accept();
      await pass(FIRST_POLL_MS);
      const late = await claimOne();
      await pass(CLAIM_MS);
      const mine = await claimOne();
      await putBack(late, 0, { failures: 7, notFoundForMs: 7, unreadForMs: 7 });
      expect(await claim()).toMatchObject({ polls: [] });
      await putBack(mine, 0, { ...NO_POLLS, failures: 1 });
      expect((await claimOne()).polls).toEqual({ ...NO_POLLS, failures: 1 });
    });

    test("are claimed of certain jobs, also where they are claimed or not due, and of none that is not followed", async () => {
      const [early, submitting, claimed, other] = [
        await accept(),
        await submit(),
        await accept(),
        await accept(),
      ];
      await pass(FIRST_POLL_MS);
      const { polls } = await claim();
      const lost = polls.find(({ job }) => job.id === claimed.id);
      if (lost === undefined) throw new Error("it was due");
      const young = await accept();
      await pass(1);
      const ids = [young.id, "job_unknown", submitting.id, claimed.id];
      const these = await store().polls.claimThese(ids);
      const claimedIds = these.map(({ job }) => job.id);
      expect(claimedIds.toSorted()).toEqual([young.id, claimed.id].toSorted());
      await putBack(lost, 0);
      expect(await claim()).toMatchObject({ polls: [] });
      await Promise.all(these.map((poll) => putBack(poll, 0)));
      expect(await claimIds()).toEqual([young.id, claimed.id].toSorted());
      expect(await store().polls.claimThese([])).toEqual([]);
      expect(await store().polls.claimThese([early.id, other.id])).toHaveLength(2);
    });

    test("say when another one is due, besides those that are claimed now", async () => {
      expect(await claim()).toEqual({ polls: [], nextInMs: null });
      await accept();
      await pass(FIRST_POLL_MS);
      await accept();
      await pass(100);
      const { polls, nextInMs } = await claim();
      expect([polls.length, nextInMs]).toEqual([1, FIRST_POLL_MS - 100]);
    });

    test("come due at once where they are due later than any can be, and no others do", async () => {
      const [soon, never] = [await accept(), await accept()];
      await pass(FIRST_POLL_MS);
      for (const poll of (await claim()).polls) {
        await putBack(poll, poll.job.id === soon.id ? 60_000 : 60_001);
      }
      await store().polls.mendTimes();
      expect(await claimIds()).toEqual([never.id]);
      await pass(60_000);
      expect(await claimIds()).toContain(soon.id);
    });
  });
}
