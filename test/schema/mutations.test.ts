import { expect, test, vi } from "vitest";

import {
  DeploymentNotFoundError,
  IdempotencyConflictError,
  InvalidInputError,
  JobNotCancellableError,
  JobNotFoundError,
  UpstreamError,
} from "../../src/job/errors.ts";
import { createDeleteJob } from "../../src/tracking/cancel-job.ts";
import type { Services } from "../../src/schema/context.ts";
import {
  CancelJobDocument,
  DeleteJobDocument,
  SubmitJobDocument,
} from "../support/gql/operations.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";
import { openInProcessGateway } from "./in-process-gateway.ts";

type SubmitJob = Services["tracking"]["submitJob"];
type CancelJob = Services["tracking"]["cancelJob"];

const SUBMISSION = { deploymentId: "warm-glow", input: { prompt: "a glow" } };

test("a submit passes on what it was given and answers with the job", async () => {
  const submitJob = vi.fn<SubmitJob>(async ({ input }) => ({
    job: await gateway.addJob({ input }),
    warnings: [{ path: ["width"], message: "is floored" }],
  }));
  const gateway = await openInProcessGateway({ tracking: { submitJob } });

  const { submitJob: result } = await gateway.run(SubmitJobDocument, {
    ...SUBMISSION,
    idempotencyKey: "key",
  });
  expect(submitJob.mock.lastCall).toEqual([
    { ...SUBMISSION, viewer: LOCAL_VIEWER, idempotencyKey: "key", tags: [] },
  ]);
  expect(result).toMatchObject({
    __typename: "SubmitJobSuccess",
    job: { status: "SUBMITTING", input: SUBMISSION.input },
    warnings: [{ path: "width", message: "is floored" }],
  });

  await gateway.run(SubmitJobDocument, SUBMISSION);
  expect(submitJob.mock.lastCall).toEqual([
    { ...SUBMISSION, viewer: LOCAL_VIEWER, idempotencyKey: null, tags: [] },
  ]);
});

test("a rerun passes on which job, what to change and how to submit it", async () => {
  const rerunJob = vi.fn<Services["tracking"]["rerunJob"]>(async () => ({
    job: await gateway.addJob(),
    warnings: [],
  }));
  const gateway = await openInProcessGateway({ tracking: { rerunJob } });
  const rerun = async (given: string) =>
    (await gateway.answer(`mutation { rerunJob(${given}) { __typename } }`)).data;

  expect(
    await rerun(`id: "job_1", changes: { seed: 1 }, idempotencyKey: "key", tags: ["a", "b"]`),
  ).toEqual({ rerunJob: { __typename: "SubmitJobSuccess" } });
  const common = { viewer: LOCAL_VIEWER, jobId: "job_1" };
  expect(rerunJob.mock.lastCall).toEqual([
    { ...common, changes: { seed: 1 }, idempotencyKey: "key", tags: ["a", "b"] },
  ]);
  await rerun(`id: "job_1"`);
  expect(rerunJob.mock.lastCall).toEqual([{ ...common, idempotencyKey: null, tags: [] }]);
});

test.each(["job_1", "job_\u0000"])("a rerun of %j, which is nobody's, is NOT_FOUND", async (id) => {
  const gateway = await openInProcessGateway({
    tracking: { rerunJob: ({ jobId }) => Promise.reject(new JobNotFoundError(jobId)) },
  });
  const { errors } = await gateway.answer(
    `mutation ($id: ID!) { rerunJob(id: $id) { __typename } }`,
    { id },
  );
  expect(errors?.[0]?.toJSON()).toMatchObject({
    message: expect.stringContaining("You have no job"),
    extensions: { code: "NOT_FOUND" },
  });
});

test.each([
  [
    new InvalidInputError([{ path: ["width"], message: "is too large" }]),
    { __typename: "InvalidInputError", issues: [{ path: "width", message: "is too large" }] },
  ],
  [new DeploymentNotFoundError("warm-glow"), { __typename: "DeploymentNotFoundError" }],
  [new IdempotencyConflictError("job_1"), { __typename: "IdempotencyConflictError" }],
  [
    new UpstreamError("RATE_LIMITED", { retryAfterSeconds: 7 }),
    {
      __typename: "UpstreamError",
      code: "RATE_LIMITED",
      retryable: true,
      retryAfterSeconds: 7,
      unconfirmedJob: null,
    },
  ],
])("an expected failure of a submit is its answer: %s", async (error, expected) => {
  const gateway = await openInProcessGateway({
    tracking: { submitJob: () => Promise.reject(error) },
  });
  const { submitJob: result } = await gateway.run(SubmitJobDocument, SUBMISSION);
  expect(result).toMatchObject({ ...expected, message: error.message });
});

test("a submit of unknown fate names the job that it may have become", async () => {
  const submitJob: SubmitJob = async () => {
    throw new UpstreamError("SUBMISSION_UNKNOWN", { unconfirmedJob: await gateway.addJob() });
  };
  const gateway = await openInProcessGateway({ tracking: { submitJob } });
  const { submitJob: result } = await gateway.run(SubmitJobDocument, SUBMISSION);
  expect(result).toMatchObject({
    code: "SUBMISSION_UNKNOWN",
    retryable: false,
    unconfirmedJob: { version: 1 },
  });
});

test("a cancel answers with the cancelled job", async () => {
  const cancelJob: CancelJob = async () =>
    await gateway.observe(job, { kind: "cancelled", finishedAt: null });
  const gateway = await openInProcessGateway({ tracking: { cancelJob } });
  const job = await gateway.addJob();
  const { cancelJob: result } = await gateway.run(CancelJobDocument, { id: job.id });
  expect(result).toMatchObject({
    __typename: "CancelJobSuccess",
    job: { status: "CANCELLED", version: 2 },
  });
});

test("each mutation of an operation answers with the history as it is after it", async () => {
  const cancelJob = vi
    .fn<CancelJob>()
    .mockImplementationOnce(
      async () => await gateway.observe(job, { kind: "accepted", requestId: "request-1" }),
    )
    .mockImplementationOnce(async (id) => {
      const accepted = await gateway.store.jobs.read(id);
      return await gateway.observe(accepted ?? job, { kind: "cancelled", finishedAt: null });
    });
  const gateway = await openInProcessGateway({ tracking: { cancelJob } });
  const job = await gateway.addJob();
  const fields = "{ ... on CancelJobSuccess { job { history { version } } } }";
  const { data } = await gateway.answer(
    `mutation { a: cancelJob(id: "${job.id}") ${fields} b: cancelJob(id: "${job.id}") ${fields} }`,
  );
  expect(data).toEqual({
    a: { job: { history: [{ version: 1 }, { version: 2 }] } },
    b: { job: { history: [{ version: 1 }, { version: 2 }, { version: 3 }] } },
  });
});

test("a cancel that comes too late tells the job as it is", async () => {
  const cancelJob: CancelJob = async () => {
    throw new JobNotCancellableError(await gateway.observe(job, { kind: "running" }));
  };
  const gateway = await openInProcessGateway({ tracking: { cancelJob } });
  const job = await gateway.addJob();
  const { cancelJob: result } = await gateway.run(CancelJobDocument, { id: job.id });
  expect(result).toMatchObject({
    __typename: "JobNotCancellableError",
    job: { status: "IN_PROGRESS" },
  });
});

test.each([
  [new JobNotFoundError("job_1"), "JobNotFoundError"],
  [new UpstreamError("UNAVAILABLE"), "UpstreamError"],
])("an expected failure of a cancel is its answer: %s", async (error, __typename) => {
  const gateway = await openInProcessGateway({
    tracking: { cancelJob: () => Promise.reject(error) },
  });
  const { cancelJob: result } = await gateway.run(CancelJobDocument, { id: "job_1" });
  expect(result).toMatchObject({ __typename, message: error.message });
});

test("an id that can't be a job's is not found, and nobody is asked", async () => {
  const gateway = await openInProcessGateway();
  const { cancelJob: result } = await gateway.run(CancelJobDocument, { id: "job_\u0000" });
  expect(result.__typename).toBe("JobNotFoundError");
});

test("what nobody expects stays an error, for the server to mask", async () => {
  const failure = new Error("the disk is full");
  const gateway = await openInProcessGateway({
    tracking: { submitJob: () => Promise.reject(failure) },
  });
  const { errors } = await gateway.answer(
    `mutation { submitJob(deploymentId: "a", input: {}) { __typename } }`,
  );
  expect(errors?.[0]?.originalError).toBe(failure);
});

test("a delete takes a finished job away with all that was kept, once", async () => {
  const gateway = await openInProcessGateway({
    tracking: { deleteJob: (id) => createDeleteJob(gateway.store)(id, "local") },
  });
  const job = await gateway.addJob();
  await gateway.observe(job, { kind: "cancelled", finishedAt: null });
  const { deleteJob: result } = await gateway.run(DeleteJobDocument, { id: job.id });
  expect(result).toEqual({ __typename: "DeleteJobSuccess", deletedJobId: job.id });
  expect(await gateway.store.jobs.read(job.id)).toBe(null);
  expect(await gateway.store.documents.read([job.id], 0)).toEqual([null]);
  expect(await gateway.store.jobs.readHistories([job.id])).toEqual([[]]);

  const again = await gateway.run(DeleteJobDocument, { id: job.id });
  expect(again.deleteJob).toMatchObject({ __typename: "JobNotFoundError" });
});

test("a delete refuses a job that has not ended, and tells it as it is", async () => {
  const gateway = await openInProcessGateway({
    tracking: { deleteJob: (id) => createDeleteJob(gateway.store)(id, "local") },
  });
  const job = await gateway.observe(await gateway.addJob(), { kind: "running" });
  const { deleteJob: result } = await gateway.run(DeleteJobDocument, { id: job.id });
  expect(result).toMatchObject({
    __typename: "JobNotFinishedError",
    message: expect.stringContaining("not ended"),
    job: { id: job.id, version: 2 },
  });
  expect(await gateway.store.jobs.read(job.id)).toEqual(job);
});

test.each(["job_unknown", "job_\u0000", ""])("a delete of %j finds no job", async (id) => {
  const gateway = await openInProcessGateway({
    tracking: { deleteJob: (jobId) => createDeleteJob(gateway.store)(jobId, "local") },
  });
  const { deleteJob: result } = await gateway.run(DeleteJobDocument, { id });
  expect(result).toMatchObject({ __typename: "JobNotFoundError" });
});

test("a job that somebody else deletes meanwhile is not found", async () => {
  const gateway = await openInProcessGateway();
  const job = await gateway.addJob();
  const finished = await gateway.observe(job, { kind: "cancelled", finishedAt: null });
  const jobs = {
    read: () => Promise.resolve(finished),
    delete: () => Promise.resolve(false),
  };
  const deleteJob = createDeleteJob({ jobs, upstream: gateway.store.upstream });
  await expect(deleteJob(job.id, "local")).rejects.toThrow(JobNotFoundError);
});
