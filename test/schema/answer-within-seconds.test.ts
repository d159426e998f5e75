import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { UpstreamError } from "../../src/engine/job/errors.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { openInProcessGateway, type Stubs } from "./in-process-gateway.ts";

type SubmitJob = Stubs["submitJob"];

const CATALOGUE = catalogueOf({
  id: "wg",
  name: "Warm Glow",
  inputSchema: { type: "object", properties: { prompt: { type: "string" } } },
});

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => void vi.useRealTimers());

/** A gateway whose submits are all accepted, and the jobs that they became. */
async function open() {
  const jobs: Job[] = [];
  const submitJob = vi.fn<SubmitJob>(async () => {
    const submitted = await gateway.addJob();
    const job = await gateway.observe(submitted, { kind: "accepted", requestId: submitted.id });
    jobs.push(job);
    return { job, warnings: [] };
  });
  const gateway = await openInProcessGateway({ catalogue: CATALOGUE, tracking: { submitJob } });

  /** The job after so many submits, once they wait for its end. */
  async function whenWaiting(submits = 1): Promise<Job> {
    // Vitest's own waiting would let the time pass.
    while (jobs.length < submits || vi.getTimerCount() < 1) await settle();
    const job = jobs.at(-1);
    if (job === undefined) throw new Error("nothing was submitted");
    return job;
  }
  return { gateway, submitJob, jobs, whenWaiting };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

const RESULT =
  "{ __typename ... on SubmitJobSuccess { job { id status output assets { url } } } ... on Error { message } }";

/** A mutation of two ways to submit, which take the same argument. */
const CALLS = ['submitJob(deploymentId: "wg", ', "submitWarmGlow("] as const;

function toCall(call: string, seconds: number | null | undefined): string {
  const within = seconds === undefined ? "" : `, answerWithinSeconds: ${seconds}`;
  return `${call}input: {}${within}) ${RESULT}`;
}

test.each(CALLS)("%s answers at once without a time, or where it is refused", async (call) => {
  const { gateway, submitJob } = await open();
  for (const seconds of [undefined, null, 0]) {
    const { data } = await gateway.answer(`mutation { result: ${toCall(call, seconds)} }`);
    expect(data).toMatchObject({ result: { job: { status: "IN_QUEUE", output: null } } });
  }
  submitJob.mockRejectedValueOnce(new UpstreamError("UNAVAILABLE"));
  const { data } = await gateway.answer(`mutation { result: ${toCall(call, 20)} }`);
  expect(data).toMatchObject({ result: { __typename: "UpstreamError" } });
  submitJob.mockClear();
  for (const seconds of [-1, 21]) {
    const { errors } = await gateway.answer(`mutation { result: ${toCall(call, seconds)} }`);
    const words = `^\`answerWithinSeconds\` must be from 0 to 20, not ${seconds}\\. .*\`jobUpdated\``;
    expect(errors?.[0]?.message).toMatch(new RegExp(words));
    expect(errors?.[0]?.extensions).toEqual({ code: "BAD_USER_INPUT" });
  }
  expect(submitJob).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});

test.each(CALLS)("%s waits for the job's end and answers with what it gave", async (call) => {
  const { gateway, whenWaiting } = await open();
  const answer = gateway.answer(`mutation { result: ${toCall(call, 20)} }`);
  const job = await whenWaiting();
  const url = "https://a.runcomfy.net/1.png";
  const output = { images: [url] };
  await gateway.observe(job, { kind: "succeeded", output, finishedAt: null });
  expect((await answer).data).toEqual({
    result: {
      __typename: "SubmitJobSuccess",
      job: { id: job.id, status: "SUCCEEDED", output, assets: [{ url }] },
    },
  });
  expect(vi.getTimerCount()).toBe(0);
});

test("when the time is over, the answer has the job as it then is", async () => {
  const { gateway, whenWaiting } = await open();
  let isAnswered = false;
  const answer = gateway.answer(`mutation { result: ${toCall(CALLS[0], 7)} }`).then((result) => {
    isAnswered = true;
    return result;
  });
  await gateway.observe(await whenWaiting(), { kind: "running" });
  vi.advanceTimersByTime(6_999);
  await settle();
  expect(isAnswered).toBe(false);
  vi.advanceTimersByTime(1);
  expect((await answer).data).toMatchObject({ result: { job: { status: "IN_PROGRESS" } } });
});

test("the submits of an operation share its time, which goes on while they are submitted", async () => {
  const { gateway, submitJob, jobs, whenWaiting } = await open();
  submitJob.mockImplementationOnce(async () => {
    vi.advanceTimersByTime(4_000);
    const job = await gateway.addJob();
    jobs.push(job);
    return { job, warnings: [] };
  });
  const fields = ["a", "b", "c"].map((name) => `${name}: ${toCall(CALLS[0], 20)}`);
  const answer = gateway.answer(`mutation { ${fields.join(" ")} }`);
  const first = await whenWaiting(1);
  vi.advanceTimersByTime(10_000);
  await gateway.observe(first, { kind: "cancelled", finishedAt: null });
  await whenWaiting(2);
  vi.advanceTimersByTime(6_000);
  // No time is left for the third.
  expect((await answer).data).toMatchObject({
    a: { job: { status: "CANCELLED" } },
    b: { job: { status: "IN_QUEUE" } },
    c: { job: { status: "IN_QUEUE" } },
  });
});

test("a client who leaves ends the waits of its operation, and what else it submits is submitted", async () => {
  const { gateway, jobs, whenWaiting } = await open();
  const fields = ["a", "b"].map(
    (name) => `${name}: submitWarmGlow(input: {}, answerWithinSeconds: 20) { __typename }`,
  );
  const { answer, hangUp } = gateway.leave(`mutation { ${fields.join(" ")} }`);
  await whenWaiting();
  hangUp();
  expect(await answer).toEqual({
    data: { a: { __typename: "SubmitJobSuccess" }, b: { __typename: "SubmitJobSuccess" } },
  });
  expect(jobs).toHaveLength(2);
  expect(vi.getTimerCount()).toBe(0);
});
