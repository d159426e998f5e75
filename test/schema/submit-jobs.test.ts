import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";

import type { Viewer } from "../../src/auth/viewer.ts";
import { InvalidInputError, UpstreamError } from "../../src/engine/job/errors.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { createViewer, LOCAL_VIEWER } from "../support/viewers.ts";
import { createRunComfy } from "../../src/engine/runcomfy/create-runcomfy.ts";
import { createHealth } from "../support/create-health.ts";
import { connectSubmitter } from "../tracking/connect-submitter.ts";
import { openInProcessGateway, type Stubs } from "./in-process-gateway.ts";

type SubmitJob = Stubs["submitJob"];

const SUBMIT = `mutation ($items: [SubmitJobItem!]!) { submitJobs(items: $items) {
  __typename
  ... on SubmitJobSuccess { job { requestId tags input } }
  ... on InvalidInputError { issues { path } }
  ... on UpstreamError { code retryable retryAfterSeconds }
} }`;

const toItem = (prompt: string, more: object = {}) => ({
  deploymentId: "d",
  input: { prompt },
  ...more,
});
const toItems = (count: number) => Array.from({ length: count }, (_, index) => toItem(`${index}`));

/** A gateway that submits to a RunComfy that takes so many at once, for as long as it likes. */
async function openSubmitting({
  viewer = LOCAL_VIEWER,
  submitsAtOnce = 100,
  timeoutMs = 10_000,
}: {
  readonly viewer?: Viewer;
  readonly submitsAtOnce?: number;
  readonly timeoutMs?: number;
} = {}) {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const submitJob = vi.fn<SubmitJob>((request) => submitter.submitJob(request));
  const gateway = await openInProcessGateway({ viewer, tracking: { submitJob } });
  const { store } = gateway;
  const runcomfy = createRunComfy({
    ...{ baseUrl: upstream.url, token: upstream.token, submitTimeoutMs: 60_000 },
    ...{ health: createHealth(), log: pino({ level: "silent" }) },
  });
  const submitter = connectSubmitter({ upstream, store, runcomfy, submitsAtOnce, timeoutMs });
  return {
    gateway,
    upstream,
    submitJob,
    async submit(items: readonly object[]) {
      const { data, errors } = await gateway.answer(SUBMIT, { items });
      return { results: data?.["submitJobs"], errors: errors?.map((error) => error.toJSON()) };
    },
  };
}

test("many submits are answered one by one, in the order of their items", async () => {
  const failure = new Error("the disk is full");
  const submitJob = vi.fn<SubmitJob>(async ({ input, tags }) => {
    const { prompt } = Object(input);
    if (prompt === "wide") throw new InvalidInputError([{ path: ["width"], message: "is wide" }]);
    if (prompt === "early") throw new UpstreamError("RATE_LIMITED", { retryAfterMs: 5_000 });
    if (prompt === "unlucky") throw failure;
    // The first one is the last to be done.
    if (prompt === "slow") await vi.waitUntil(() => submitJob.mock.results.length === 5);
    return { job: await gateway.addJob({ input, tags: tags ?? [] }), warnings: [] };
  });
  const gateway = await openInProcessGateway({ tracking: { submitJob } });
  const { data, errors } = await gateway.answer(SUBMIT, {
    items: [
      toItem("slow", { idempotencyKey: "key", tags: ["a"] }),
      toItem("wide"),
      toItem("unlucky"),
      toItem("early"),
      toItem("quick"),
    ],
  });
  const job = { requestId: null, tags: ["a"], input: { prompt: "slow" } };
  expect(data).toEqual({
    submitJobs: [
      { __typename: "SubmitJobSuccess", job },
      { __typename: "InvalidInputError", issues: [{ path: "width" }] },
      null,
      { __typename: "UpstreamError", code: "RATE_LIMITED", retryable: true, retryAfterSeconds: 5 },
      { __typename: "SubmitJobSuccess", job: { ...job, tags: [], input: { prompt: "quick" } } },
    ],
  });
  expect(errors).toHaveLength(1);
  expect(errors?.[0]).toMatchObject({ path: ["submitJobs", 2], originalError: failure });
  expect(submitJob.mock.calls[0]).toEqual([
    {
      ...toItem("slow"),
      viewer: LOCAL_VIEWER,
      idempotencyKey: "key",
      tags: ["a"],
      queue: null,
    },
  ]);
});

test("many are submitted at the pace that RunComfy takes, those with the same key once", async () => {
  const { upstream, submit, gateway } = await openSubmitting({ submitsAtOnce: 5 });
  const items = toItems(40).map((item, index) =>
    index > 37 ? toItem("twice", { idempotencyKey: "key" }) : item,
  );
  const release = upstream.hold("submit");
  const all = submit(items);
  await upstream.whenRequested("submit", 5);
  // Whatever could come sooner has come by then.
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
  expect(upstream.count("submit")).toBe(5);
  release();
  const { results, errors } = await all;
  expect(errors).toBeUndefined();
  const success = expect.objectContaining({ __typename: "SubmitJobSuccess" });
  expect(results).toEqual(items.map(() => success));
  expect(upstream.count("submit")).toBe(39);
  expect(await gateway.store.jobs.count({ statuses: ["IN_QUEUE"] })).toBe(39);
});

test("what gets no turn in time is RATE_LIMITED, and becomes a job when it is sent again with its key", async () => {
  const { upstream, submit, submitJob, gateway } = await openSubmitting({
    submitsAtOnce: 1,
    timeoutMs: 1_000,
  });
  const release = upstream.hold("submit");
  const items = ["a", "b", "c"].map((key) => toItem(key, { idempotencyKey: key }));
  const first = submit(items);
  const isRefused = ({ type }: { readonly type: string }) => type === "rejected";
  await expect.poll(() => submitJob.mock.settledResults.filter(isRefused)).toHaveLength(2);
  for (const key of ["b", "c"])
    expect(await gateway.store.jobs.readKeyed(LOCAL_VIEWER.ownerId, key)).toBeNull();
  release();
  const success = expect.objectContaining({ __typename: "SubmitJobSuccess" });
  const late = {
    __typename: "UpstreamError",
    code: "RATE_LIMITED",
    retryable: true,
    retryAfterSeconds: 5,
  };
  expect((await first).results).toEqual([success, late, late]);
  expect(upstream.count("submit")).toBe(1);
  expect((await submit(items)).results).toEqual([success, success, success]);
  expect(upstream.count("submit")).toBe(3);
});

test("each item counts against the limits of its owner, and those beyond are errors of their own", async () => {
  const viewer = createViewer({ ownerId: "mine", limits: { submitsPerMinute: 3 } });
  const { upstream, submit } = await openSubmitting({ viewer });
  const { results, errors } = await submit(toItems(5));
  const success = expect.objectContaining({ __typename: "SubmitJobSuccess" });
  expect(results).toEqual([success, success, success, null, null]);
  const extensions = { code: "RATE_LIMITED", limit: 3 };
  expect(errors).toMatchObject([
    { path: ["submitJobs", 3], extensions },
    { path: ["submitJobs", 4], extensions },
  ]);
  expect(upstream.count("submit")).toBe(3);
});

test("no items, and more than 100, are refused without a submit", async () => {
  const { upstream, submit } = await openSubmitting();
  for (const count of [0, 101])
    expect(await submit(toItems(count))).toMatchObject({
      results: undefined,
      errors: [
        {
          message: `\`items\` may have 1 to 100 items, and has ${count}. Send as many in each call.`,
          extensions: { code: "BAD_USER_INPUT" },
        },
      ],
    });
  expect(upstream.count("submit")).toBe(0);
});
