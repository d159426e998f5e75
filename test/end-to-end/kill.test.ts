import { randomUUID } from "node:crypto";

import { expect, onTestFinished, test } from "vitest";

import { DATABASES, KINDS } from "../gateway/open-gateway.ts";
import { OF_KINDS, writeDeploymentsOfKinds } from "../support/deployments-of-kinds.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import type { JobFieldsFragment } from "../support/gql/operations.ts";
import { JobDocument, JobsDocument, SubmitJobDocument } from "../support/gql/operations.ts";
import { runGateway } from "../support/gateway-process.ts";
import { countJobs, request, submit } from "../support/graphql-client.ts";

const PATIENCE = { timeout: 45_000, interval: 200 };
const OPEN = ["SUBMITTING", "IN_QUEUE", "IN_PROGRESS"] as const;
/** The deployment whose submits are never answered. */
const UNANSWERED = "fault-no-answer--submit";

const ALL_KINDS = Object.values(OF_KINDS);

test.each(KINDS)(
  "a kill -9 amid submits loses no job of any kind and no history, on %s, and after a restart, or at another gateway, each ends with one POST at most",
  { timeout: 120_000 },
  async (kind) => {
    const upstream = await startFaultyUpstream();
    onTestFinished(() => upstream.close());
    const environment = {
      ...toEnvironment(upstream, await DATABASES[kind]()),
      DEPLOYMENTS_FILE: await writeDeploymentsOfKinds(),
    };
    const before = runGateway(environment);
    const origin = await before.url;
    const other = kind === "Postgres" ? runGateway(environment) : null;
    await other?.url;

    for (const id of ALL_KINDS) upstream.script(id, ["in_queue"]);
    upstream.script("running", ["in_progress"]);
    const finished = await submitAll(origin, "quick", 2);
    const queued = (await Promise.all(ALL_KINDS.map((id) => submitAll(origin, id, 2)))).flat();
    const running = await submitAll(origin, "running", 5);
    await expect.poll(() => countJobs(origin, ["SUCCEEDED"]), PATIENCE).toBe(2);
    await expect.poll(() => countJobs(origin, ["IN_PROGRESS"]), PATIENCE).toBe(5);
    const unanswered = prepare(UNANSWERED, 3);
    const lost = Promise.allSettled(unanswered.map((one) => send(origin, one)));
    await upstream.whenRequested("submit", 3, UNANSWERED);
    const historyBefore = await readAll(origin);
    for (const id of ALL_KINDS) upstream.script(id, ["in_queue", "in_progress", "succeeded"]);
    const submissions = ALL_KINDS.flatMap((id) => prepare(id, 10));
    const acknowledged = new Map<string, string>();
    await Promise.allSettled(
      submissions.map(async (one) => {
        const { submitJob } = await send(origin, one);
        if (submitJob.__typename === "SubmitJobSuccess")
          acknowledged.set(one.idempotencyKey, submitJob.job.id);
        if (acknowledged.size === 10) void before.kill("SIGKILL");
      }),
    );
    expect(acknowledged.size).toBeGreaterThanOrEqual(10);
    expect((await before.exit).signal).toBe("SIGKILL");
    await lost;

    const newOrigin = await (other ?? runGateway(environment)).url;
    const known = [...finished, ...queued, ...running];
    for (const { job } of known) {
      const now = (await request(newOrigin, JobDocument, { id: job.id })).job;
      const old = historyBefore.get(job.id);
      expect(now?.requestId).toBe(job.requestId);
      expect(now?.input).toEqual(job.input);
      expect(now?.history.slice(0, old?.history.length)).toEqual(old?.history);
      if (old?.isFinished) expect(now).toEqual(old);
    }
    for (const one of unanswered)
      expect(await settle(newOrigin, one)).toMatchObject({
        __typename: "UpstreamError",
        code: "SUBMISSION_UNKNOWN",
        retryable: false,
        unconfirmedJob: { status: "FAILED", error: { code: "SUBMISSION_UNKNOWN" } },
      });
    for (const { job, submission } of known) acknowledged.set(submission.idempotencyKey, job.id);
    for (const one of [...known.map(({ submission }) => submission), ...submissions]) {
      const answer = await settle(newOrigin, one);
      const earlier = acknowledged.get(one.idempotencyKey);
      if (earlier !== undefined)
        expect(answer).toMatchObject({ __typename: "SubmitJobSuccess", job: { id: earlier } });
    }
    for (const { idempotencyKey } of [...unanswered, ...submissions]) {
      const posts = upstream.requests.filter(({ body }) => body.includes(idempotencyKey));
      expect(posts.length).toBeLessThanOrEqual(1);
    }

    for (const { job } of [...queued, ...running])
      upstream.finish(job.requestId ?? "", { output: { images: [] } });
    await expect.poll(() => countJobs(newOrigin, OPEN), PATIENCE).toBe(0);
    expect(await countJobs(newOrigin)).toBe(46);
    for (const { job } of known)
      expect((await request(newOrigin, JobDocument, { id: job.id })).job?.status).toBe("SUCCEEDED");
  },
);

type Submission = {
  readonly deploymentId: string;
  readonly input: { readonly prompt: string };
  readonly idempotencyKey: string;
};

/** Submissions whose prompt is their key, so that the upstream's requests can be told apart. */
function prepare(deploymentId: string, count: number): readonly Submission[] {
  return Array.from({ length: count }, () => {
    const key = randomUUID();
    return { deploymentId, input: { prompt: key }, idempotencyKey: key };
  });
}

function send(origin: string, submission: Submission) {
  return request(origin, SubmitJobDocument, submission);
}

/** Sends until the gateway knows: on Postgres it first waits for the dead one's lease to expire. */
async function settle(origin: string, submission: Submission) {
  let answer = (await send(origin, submission)).submitJob;
  for (let tries = 0; tries < 5 && isUnavailable(answer); tries++) {
    answer = (await send(origin, submission)).submitJob;
  }
  return answer;
}

function isUnavailable(answer: { readonly __typename: string; readonly code?: string }): boolean {
  return answer.__typename === "UpstreamError" && answer.code === "UNAVAILABLE";
}

async function submitAll(
  origin: string,
  deploymentId: string,
  count: number,
): Promise<readonly { readonly job: JobFieldsFragment; readonly submission: Submission }[]> {
  return await Promise.all(
    prepare(deploymentId, count).map(async (submission) => ({
      submission,
      job: await submit(origin, deploymentId, submission.input.prompt, submission.idempotencyKey),
    })),
  );
}

async function readAll(origin: string): Promise<ReadonlyMap<string, JobFieldsFragment>> {
  const { jobs } = await request(origin, JobsDocument, { first: 100 });
  return new Map(jobs.edges.map(({ node }) => [node.id, node]));
}

/** With times short enough that a test sees them pass. */
function toEnvironment({ url, token }: FaultyUpstream, databaseUrl: string) {
  return {
    RUNCOMFY_BASE_URL: url,
    RUNCOMFY_MODEL_URL: url,
    RUNCOMFY_API_TOKEN: token,
    DATABASE_URL: databaseUrl,
    SUBMIT_TIMEOUT_SECONDS: "3",
    SUBMIT_MARGIN_SECONDS: "0.5",
  };
}
