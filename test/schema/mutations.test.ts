import { expect, test, vi } from "vitest";

import {
  DeploymentNotFoundError,
  IdempotencyConflictError,
  InvalidInputError,
  JobNotFoundError,
  UpstreamError,
} from "../../src/engine/job/errors.ts";
import { SubmitJobDocument } from "../support/gql/operations.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";
import { openInProcessGateway, type Stubs } from "./in-process-gateway.ts";

type SubmitJob = Stubs["submitJob"];
type CancelJob = Stubs["cancelJob"];

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
    { ...SUBMISSION, viewer: LOCAL_VIEWER, idempotencyKey: "key", tags: [], queue: null },
  ]);
  expect(result).toMatchObject({
    __typename: "SubmitJobSuccess",
    job: { status: "SUBMITTING", input: SUBMISSION.input },
    warnings: [{ path: "width", message: "is floored" }],
  });

  await gateway.run(SubmitJobDocument, SUBMISSION);
  expect(submitJob.mock.lastCall).toEqual([
    { ...SUBMISSION, viewer: LOCAL_VIEWER, idempotencyKey: null, tags: [], queue: null },
  ]);
});

test("a rerun passes on which job, what to change and how to submit it; nobody's job is NOT_FOUND", async () => {
  const rerunJob = vi.fn<Stubs["rerunJob"]>(({ jobId }) =>
    Promise.reject(new JobNotFoundError(jobId)),
  );
  const gateway = await openInProcessGateway({ tracking: { rerunJob } });
  for (const [given, passedOn] of [
    ['id: "job_1"', { idempotencyKey: null, tags: [] }],
    [
      'id: "job_1", changes: { seed: 1 }, idempotencyKey: "key", tags: ["a", "b"]',
      { changes: { seed: 1 }, idempotencyKey: "key", tags: ["a", "b"] },
    ],
  ] as const) {
    const { errors } = await gateway.answer(`mutation { rerunJob(${given}) { __typename } }`);
    expect(errors?.[0]?.extensions).toEqual({ code: "NOT_FOUND" });
    expect(rerunJob.mock.lastCall).toEqual([
      { viewer: LOCAL_VIEWER, jobId: "job_1", queue: null, ...passedOn },
    ]);
  }
});

test("an expected failure of a submit is its answer, and any other stays an error", async () => {
  const submitJob = vi.fn<SubmitJob>();
  const gateway = await openInProcessGateway({ tracking: { submitJob } });
  const unconfirmedJob = await gateway.addJob();
  const issue = { path: ["width"], message: "is too large" };
  for (const [error, expected] of [
    [
      new InvalidInputError([issue]),
      { __typename: "InvalidInputError", issues: [{ ...issue, path: "width" }] },
    ],
    [new DeploymentNotFoundError("warm-glow"), { __typename: "DeploymentNotFoundError" }],
    [new IdempotencyConflictError("job_1"), { __typename: "IdempotencyConflictError" }],
    [
      new UpstreamError("RATE_LIMITED", { retryAfterMs: 7_000 }),
      { code: "RATE_LIMITED", retryable: true, retryAfterSeconds: 7, unconfirmedJob: null },
    ],
    [
      new UpstreamError("SUBMISSION_UNKNOWN", { unconfirmedJob }),
      { code: "SUBMISSION_UNKNOWN", retryable: false, unconfirmedJob: { version: 1 } },
    ],
  ] as const) {
    submitJob.mockRejectedValueOnce(error);
    const { submitJob: result } = await gateway.run(SubmitJobDocument, SUBMISSION);
    expect(result).toMatchObject({ ...expected, message: error.message });
  }
  const failure = new Error("the disk is full");
  submitJob.mockRejectedValueOnce(failure);
  const { errors } = await gateway.answer(
    `mutation { submitJob(deploymentId: "a", input: {}) { __typename } }`,
  );
  expect(errors?.[0]?.originalError).toBe(failure);
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
