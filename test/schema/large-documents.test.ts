import { expect, test } from "vitest";

import type { Job } from "../../src/engine/job/job.ts";
import { createViewer, LOCAL_VIEWER } from "../support/viewers.ts";
import { openInProcessGateway } from "./in-process-gateway.ts";

const LARGE = "x".repeat(300_000);

/** Outputs that come only when they are let. */
async function openSlowly() {
  const reading: string[] = [];
  const held = new Map<string, () => void>();
  const gateway = await openInProcessGateway();
  gateway.store.documents.readText = async (jobId, name) => {
    reading.push(`${name} ${jobId}`);
    await new Promise<void>((resolve) => held.set(jobId, resolve));
    return JSON.stringify(LARGE);
  };
  return {
    gateway,
    reading,
    let: (job: Job) => held.get(job.id)?.(),
    async addLarge(ownerId = LOCAL_VIEWER.ownerId): Promise<Job> {
      const seen = { kind: "succeeded", output: LARGE, finishedAt: null } as const;
      return await gateway.observe(await gateway.addJob({ ownerId }), seen);
    },
  };
}

const toQuery = ({ id }: Job) => `{ job(id: "${id}") { output } }`;

test("of an owner one operation at a time has large documents in memory, and others' go on", async () => {
  const { gateway, reading, addLarge, let: allow } = await openSlowly();
  const [first, second] = [await addLarge(), await addLarge()];
  const others = await addLarge("ben");
  const answers = [first, second].map((job) => gateway.answer(toQuery(job)));
  const ben = gateway.answer(toQuery(others), {}, createViewer({ ownerId: "ben" }));
  await expect.poll(() => reading).toHaveLength(2);
  expect(new Set(reading)).toEqual(new Set([`output ${first.id}`, `output ${others.id}`]));
  allow(others);
  expect(await ben).toEqual({ data: { job: { output: LARGE } } });
  expect(reading).toHaveLength(2);
  allow(first);
  expect(await answers[0]).toEqual({ data: { job: { output: LARGE } } });
  await expect.poll(() => reading).toHaveLength(3);
  allow(second);
  expect(await answers[1]).toEqual({ data: { job: { output: LARGE } } });
});

test("an operation reads many large documents in the one turn that it has", async () => {
  const { gateway, reading, addLarge, let: allow } = await openSlowly();
  const jobs = [await addLarge(), await addLarge()];
  const answer = gateway.answer("{ jobs { edges { node { output } } } }");
  for (const count of [1, 2]) {
    await expect.poll(() => reading).toHaveLength(count);
    for (const job of jobs) allow(job);
  }
  const { data } = await answer;
  expect(JSON.parse(JSON.stringify(data)).jobs.edges).toEqual(
    jobs.map(() => ({ node: { output: LARGE } })),
  );
});

test("whose client has left neither reads on nor keeps others waiting", async () => {
  const { gateway, reading, addLarge, let: allow } = await openSlowly();
  const [first, second, third] = [await addLarge(), await addLarge(), await addLarge()];
  const leaves = [gateway.leave(toQuery(first)), gateway.leave(toQuery(second))];
  await expect.poll(() => reading).toHaveLength(1);
  const answer = gateway.answer(toQuery(third));
  for (const { hangUp } of leaves) hangUp();
  await expect.poll(() => reading).toEqual([`output ${first.id}`, `output ${third.id}`]);
  for (const job of [first, third]) allow(job);
  expect(await answer).toEqual({ data: { job: { output: LARGE } } });
  expect((await leaves[1]?.answer)?.errors?.[0]?.message).toContain("The answer is over");
});

test("a page with small documents is read within its turn, so that few wait in memory for the next one", async () => {
  const gateway = await openInProcessGateway();
  for (const output of ["a", "b"])
    await gateway.observe(await gateway.addJob(), { kind: "succeeded", output, finishedAt: null });
  let isNextTurn = false;
  setImmediate(() => (isNextTurn = true));
  const { data } = await gateway.answer("{ jobs { edges { node { output } } } }");
  expect(isNextTurn).toBe(false);
  expect(data).toEqual({
    jobs: { edges: expect.arrayContaining([{ node: { output: "a" } }, { node: { output: "b" } }]) },
  });
});

test("an operation whose client has left reads nothing more", async () => {
  const { gateway } = await openSlowly();
  await gateway.addJob();
  const { answer, hangUp } = gateway.leave("{ jobs { edges { node { id history { at } } } } }");
  gateway.statements.length = 0;
  hangUp();
  expect((await answer).errors?.[0]?.message).toContain("The answer is over");
  expect(gateway.statements.join()).not.toContain("job_events");
});

test("between two mutations others of the owner have their turn, as the next one may wait long", async () => {
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  let calls = 0;
  const gateway = await openInProcessGateway({
    tracking: {
      async cancelJob() {
        calls += 1;
        if (calls > 1) await held;
        return job;
      },
    },
  });
  const seen = { kind: "succeeded", output: LARGE, finishedAt: null } as const;
  const job = await gateway.observe(await gateway.addJob(), seen);
  const cancel = `cancelJob(id: "${job.id}") { ... on CancelJobSuccess { job { output } } }`;
  const mutations = gateway.answer(`mutation { a: ${cancel} b: ${cancel} }`);
  await expect.poll(() => calls).toBe(2);
  expect(await gateway.answer(toQuery(job))).toEqual({ data: { job: { output: LARGE } } });
  release();
  expect((await mutations).errors).toBeUndefined();
});
