import { expect, test, vi } from "vitest";

import {
  JobNotCancellableError,
  JobNotFoundError,
  UpstreamError,
} from "../../src/engine/job/errors.ts";
import { Deleter } from "../../src/engine/tracking/job-deletion.ts";
import { openInProcessGateway, type Stubs } from "./in-process-gateway.ts";

type CancelJob = Stubs["cancelJob"];

const CANCEL = `mutation ($ids: [ID!]!) { cancelJobs(ids: $ids) {
  __typename
  ... on CancelJobSuccess { job { id status history { version } } }
  ... on JobNotCancellableError { job { id status } }
  ... on UpstreamError { code }
  ... on Error { message }
} }`;
const DELETE = `mutation ($ids: [ID!]!) { deleteJobs(ids: $ids) {
  __typename
  ... on DeleteJobSuccess { deletedJobId }
  ... on JobNotFinishedError { job { id } }
  ... on Error { message }
} }`;

test("many cancels are answered one by one, in the order of the ids", async () => {
  const cancelJob = vi.fn<CancelJob>(async (id) => {
    if (id === running.id) throw new JobNotCancellableError(running);
    if (id === "job_unlucky") throw new UpstreamError("TIMEOUT");
    return await gateway.observe(queued, { kind: "cancelled", finishedAt: null });
  });
  const gateway = await openInProcessGateway({ tracking: { cancelJob } });
  const queued = await gateway.addJob();
  const running = await gateway.observe(await gateway.addJob(), { kind: "running" });

  const ids = [running.id, queued.id, "job_\u0000", "job_unlucky", queued.id];
  const { data, errors } = await gateway.answer(CANCEL, { ids });
  const cancelled = {
    __typename: "CancelJobSuccess",
    job: { id: queued.id, status: "CANCELLED", history: [{ version: 1 }, { version: 2 }] },
  };
  expect(errors).toBeUndefined();
  expect(data).toEqual({
    cancelJobs: [
      {
        __typename: "JobNotCancellableError",
        job: { id: running.id, status: "IN_PROGRESS" },
        message: expect.stringContaining("already running"),
      },
      cancelled,
      { __typename: "JobNotFoundError", message: expect.any(String) },
      { __typename: "UpstreamError", code: "TIMEOUT", message: expect.any(String) },
      cancelled,
    ],
  });
  // The one that was named twice is cancelled once, and the impossible id never.
  expect(cancelJob.mock.calls).toEqual([
    [running.id, "local"],
    [queued.id, "local"],
    ["job_unlucky", "local"],
  ]);
});

test("many deletes are answered one by one, and take away what can be", async () => {
  const gateway = await openInProcessGateway();
  const job = await gateway.addJob();
  await gateway.observe(job, { kind: "cancelled", finishedAt: null });
  const open = await gateway.addJob();
  const { data } = await gateway.answer(DELETE, { ids: [job.id, open.id, "job_unknown", job.id] });
  const deleted = { __typename: "DeleteJobSuccess", deletedJobId: job.id };
  expect(data).toEqual({
    deleteJobs: [
      deleted,
      { __typename: "JobNotFinishedError", job: { id: open.id }, message: expect.any(String) },
      { __typename: "JobNotFoundError", message: expect.stringContaining("job_unknown") },
      deleted,
    ],
  });
  expect(await gateway.store.jobs.readMany([job.id, open.id])).toEqual([null, open]);
});

test("one cancel or delete is answered as one of many is", async () => {
  const gateway = await openInProcessGateway({
    tracking: { cancelJob: (id) => Promise.reject(new JobNotFoundError(id)) },
  });
  const { id } = await gateway.observe(await gateway.addJob(), {
    kind: "cancelled",
    finishedAt: null,
  });
  const ask = async (field: string, one: string) => {
    const text = `mutation ($id: ID!) { result: ${field}(id: $id) { __typename } }`;
    return (await gateway.answer(text, { id: one })).data?.["result"];
  };
  expect(await ask("deleteJob", id)).toEqual({ __typename: "DeleteJobSuccess" });
  expect(await gateway.store.documents.read([id], 0)).toEqual([null]);
  expect(await gateway.store.jobs.readHistories([id])).toEqual([[]]);
  for (const field of ["deleteJob", "cancelJob"])
    for (const one of [id, "job_\u0000"])
      expect(await ask(field, one)).toEqual({ __typename: "JobNotFoundError" });
});

test("no ids are no results, and more than 100 are refused without asking anybody", async () => {
  const gateway = await openInProcessGateway();
  expect((await gateway.answer(CANCEL, { ids: [] })).data).toEqual({ cancelJobs: [] });
  expect((await gateway.answer(DELETE, { ids: [] })).data).toEqual({ deleteJobs: [] });
  const ids = Array.from({ length: 101 }, (_, index) => `job_${index}`);
  for (const text of [CANCEL, DELETE])
    expect((await gateway.answer(text, { ids })).errors?.[0]?.toJSON()).toMatchObject({
      message: "`ids` has 101 ids, and may have 100. Send the others in further calls.",
      extensions: { code: "BAD_USER_INPUT" },
    });
});

test("at most ten cancels are under way at once, and all come to an end", async () => {
  let most = 0;
  let underWay = 0;
  const cancelJob: CancelJob = async () => {
    most = Math.max(most, ++underWay);
    // All begin by then that may.
    await new Promise(setImmediate);
    underWay -= 1;
    throw new UpstreamError("TIMEOUT");
  };
  const gateway = await openInProcessGateway({ tracking: { cancelJob } });
  const ids = Array.from({ length: 25 }, (_, index) => `job_${index}`);
  const { data } = await gateway.answer(CANCEL, { ids });
  expect(data?.["cancelJobs"]).toHaveLength(25);
  expect(most).toBe(10);
});

test("what nobody expects of one id stays an error, once the others are done", async () => {
  const failure = new Error("the disk is full");
  const done: string[] = [];
  const gateway = await openInProcessGateway({
    tracking: {
      async deleteJob(id) {
        if (id === "job_1") throw failure;
        await new Promise(setImmediate);
        done.push(id);
      },
    },
  });
  const { errors } = await gateway.answer(DELETE, { ids: ["job_1", "job_2", "job_3"] });
  expect(errors?.[0]?.originalError).toBe(failure);
  expect(done).toEqual(["job_2", "job_3"]);
});

test("a job that somebody else deletes meanwhile is not found", async () => {
  const gateway = await openInProcessGateway();
  const finished = await gateway.observe(await gateway.addJob(), {
    kind: "cancelled",
    finishedAt: null,
  });
  const jobs = { read: () => Promise.resolve(finished), delete: () => Promise.resolve(false) };
  const deleter = new Deleter({ jobs, upstream: gateway.store.upstream });
  await expect(deleter.deleteJob(finished.id, "local")).rejects.toThrow(JobNotFoundError);
});
