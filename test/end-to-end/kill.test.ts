import { randomUUID } from "node:crypto";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import type { JobFieldsFragment, JobStatus } from "../support/gql/operations.ts";
import { JobDocument, JobsDocument, SubmitJobDocument } from "../support/gql/operations.ts";
import { runGateway } from "../support/gateway-process.ts";
import { request, submit } from "../support/graphql-client.ts";
import { createDatabase } from "../support/postgres.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const PATIENCE = { timeout: 45_000, interval: 200 };

const DATABASES = [
  {
    name: "SQLite",
    async create(): Promise<string> {
      return `file:${join(await createTemporaryFolder(), "gateway.db")}`;
    },
  },
  {
    name: "Postgres",
    async create(): Promise<string> {
      const { url, drop } = await createDatabase();
      onTestFinished(drop);
      return url;
    },
  },
];

describe.each(DATABASES)("kill -9, on $name", { timeout: 120_000 }, ({ create }) => {
  test("loses no job and no history of 25 in flight, and after a restart each ends with one POST", async () => {
    const upstream = await openUpstream();
    const environment = toEnvironment(upstream, await create());
    const before = runGateway(environment);
    const origin = await before.url;

    upstream.script("queued", ["in_queue"]);
    upstream.script("running", ["in_progress"]);
    const finished = await submitAll(origin, "quick", 4);
    const queued = await submitAll(origin, "queued", 10);
    const running = await submitAll(origin, "running", 10);
    await expect.poll(() => countJobs(origin, ["SUCCEEDED"]), PATIENCE).toBe(4);
    await expect.poll(() => countJobs(origin, ["IN_PROGRESS"]), PATIENCE).toBe(10);
    upstream.hold("submit");
    const unanswered = prepare("held", 5);
    const lost = Promise.allSettled(unanswered.map((one) => send(origin, one)));
    await upstream.whenRequested("submit", 29);
    const historyBefore = await readAll(origin);
    await before.kill("SIGKILL");
    await lost;

    const after = runGateway(environment);
    const newOrigin = await after.url;
    const acknowledged = [...finished, ...queued, ...running];
    for (const { job } of acknowledged) {
      const now = await read(newOrigin, job.id);
      const old = historyBefore.get(job.id);
      expect(now?.requestId).toBe(job.requestId);
      expect(now?.input).toEqual(job.input);
      expect(now?.history.slice(0, old?.history.length)).toEqual(old?.history);
      if (old?.isFinished) expect(now).toEqual(old);
    }
    await expect.poll(() => countJobs(newOrigin, ["FAILED"]), PATIENCE).toBe(5);
    for (const one of unanswered) {
      const { submitJob } = await send(newOrigin, one);
      expect(submitJob).toMatchObject({
        __typename: "UpstreamError",
        code: "SUBMISSION_UNKNOWN",
        retryable: false,
        unconfirmedJob: { status: "FAILED", error: { code: "SUBMISSION_UNKNOWN" } },
      });
    }
    for (const { job, submission } of acknowledged) {
      const { submitJob } = await send(newOrigin, submission);
      expect(submitJob).toMatchObject({ __typename: "SubmitJobSuccess", job: { id: job.id } });
    }

    for (const { job } of [...queued, ...running]) {
      upstream.finish(job.requestId ?? "", { output: { images: [] } });
    }
    await expect.poll(() => countJobs(newOrigin, ["SUCCEEDED"]), PATIENCE).toBe(24);
    expect(await countJobs(newOrigin, null)).toBe(29);
    expect(upstream.count("submit")).toBe(29);
  });

  test("at an unlucky moment of 30 submits loses none that was acknowledged, and repeats no POST", async () => {
    const upstream = await openUpstream();
    const environment = toEnvironment(upstream, await create());
    const before = runGateway(environment);
    const origin = await before.url;

    const submissions = prepare("quick", 30);
    const acknowledged = new Map<string, string>();
    await Promise.allSettled(
      submissions.map(async (one) => {
        const { submitJob } = await send(origin, one);
        if (submitJob.__typename === "SubmitJobSuccess") {
          acknowledged.set(one.idempotencyKey, submitJob.job.id);
        }
        if (acknowledged.size === 10) void before.kill("SIGKILL");
      }),
    );
    expect(acknowledged.size).toBeGreaterThanOrEqual(10);
    expect((await before.exit).signal).toBe("SIGKILL");

    const newOrigin = await runGateway(environment).url;
    for (const one of submissions) {
      const answer = await settle(newOrigin, one);
      const earlier = acknowledged.get(one.idempotencyKey);
      if (earlier !== undefined) {
        expect(answer).toMatchObject({ __typename: "SubmitJobSuccess", job: { id: earlier } });
      }
      const posts = upstream.requests.filter(({ body }) => body.includes(one.idempotencyKey));
      expect(posts.length).toBeLessThanOrEqual(1);
    }
    const open = ["SUBMITTING", "IN_QUEUE", "IN_PROGRESS"] as const;
    await expect.poll(() => countJobs(newOrigin, open), PATIENCE).toBe(0);
    expect(await countJobs(newOrigin, null)).toBe(30);
  });
});

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

async function read(origin: string, id: string): Promise<JobFieldsFragment | null> {
  return (await request(origin, JobDocument, { id })).job;
}

async function readAll(origin: string): Promise<ReadonlyMap<string, JobFieldsFragment>> {
  const { jobs } = await request(origin, JobsDocument, { first: 100 });
  return new Map(jobs.edges.map(({ node }) => [node.id, node]));
}

async function countJobs(
  origin: string,
  status: readonly JobStatus[] | null,
): Promise<number | null> {
  const { jobs } = await request(origin, JobsDocument, { first: 0, filter: { status } });
  return jobs.totalCount;
}

async function openUpstream(): Promise<FaultyUpstream> {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  return upstream;
}

/** With times short enough that a test sees them pass. */
function toEnvironment({ url, token }: FaultyUpstream, databaseUrl: string) {
  return {
    RUNCOMFY_BASE_URL: url,
    RUNCOMFY_API_TOKEN: token,
    DATABASE_URL: databaseUrl,
    SUBMIT_TIMEOUT_SECONDS: "5",
    SUBMIT_MARGIN_SECONDS: "1",
  };
}
