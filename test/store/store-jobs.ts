import { pino } from "pino";
import { expect } from "vitest";

import type { Channels } from "../../src/engine/diagnostics/channels.ts";
import { advance, type Observation } from "../../src/engine/job/advance.ts";
import { INVALID_RESPONSE } from "../../src/engine/job/errors.ts";
import { createJob, type Job } from "../../src/engine/job/job.ts";
import { NO_POLLS } from "../../src/engine/job/polls.ts";
import { SetupError } from "../../src/runtime/coded-error.ts";
import type { NewHold } from "../../src/engine/store/holds.ts";
import type { Jobs, JobStore, Result } from "../../src/engine/store/job-store.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import type { ClaimedPoll, EndedPoll } from "../../src/engine/store/polls.ts";

/** A store over an empty database, as each test of the contract finds it. */
export type Context = {
  store(): JobStore;
  readonly channels: Channels;
  /** What SQL has run since the test began, or emptied the list. */
  readonly statements: string[];
  /** Runs statements beside the store. */
  execute(sql: string): Promise<void>;
  /** How many rows a table has. */
  count(table: string): Promise<number>;
  /** Lets time pass on the clock that says when a poll is due; it stands still otherwise. */
  pass(ms: number): Promise<void>;
  /** A store of another upstream over the same database. */
  as(upstream: string): JobStore;
  /** Closes the store and opens the same database as another gateway. */
  restart(): Promise<void>;
};

export const ACCEPTED = { kind: "accepted", requestId: "r" } as const;
export const RUNNING = { kind: "running" } as const;
export const SUCCEEDED = { kind: "succeeded", output: null, finishedAt: null } as const;
export const FAILED = { kind: "failed", error: INVALID_RESPONSE, finishedAt: null } as const;
export const CANCELLED = { kind: "cancelled", finishedAt: null } as const;
export const UNANSWERED = { kind: "unanswered" } as const;

/** How a job waits for its turn. */
export const HOLD: NewHold = {
  options: { priority: 0, sendAfter: null, sendBefore: null, hold: false },
  needsApproval: false,
  submittedBy: "key",
  signedBy: "key",
  limits: { jobsInFlight: null, submitsPerMinute: null },
  counted: null,
  mostHeld: null,
};

/** A job that is about to be submitted, but for what is given. */
export function makeJob(facts: Partial<Job> = {}): Job {
  const created = createJob({
    ownerId: "local",
    kind: "lora",
    deploymentId: "d",
    upstream: "sandbox",
    apiVersion: "v1",
    now: facts.createdAt ?? new Date(),
  });
  return { ...created, ...facts };
}

/** Makes a job and adds it to the store. */
export async function insertJob(
  { jobs }: Pick<JobStore, "jobs">,
  facts: Partial<Job> = {},
  submit: Partial<Parameters<Jobs["insert"]>[0]> = {},
): Promise<Job> {
  const job = makeJob(facts);
  expect(await jobs.insert({ job, input: {}, key: null, ...submit })).toBe(true);
  return job;
}

/** Stores what is seen of a job, one thing after the other, and resolves with what the job is then. */
export async function see(
  store: JobStore,
  job: Job,
  ...seen: readonly (Observation | Result)[]
): Promise<Job> {
  let current = job;
  for (const one of seen) {
    const result = "kind" in one ? null : one;
    const observation = "kind" in one ? one : { ...SUCCEEDED, output: one.output };
    const next = advance(current, observation, new Date(), store.upstream);
    expect(await store.jobs.save(current, next, result)).toBe(true);
    current = next;
  }
  return current;
}

export function toPutBack({ job, token }: ClaimedPoll, more: Partial<EndedPoll> = {}): EndedPoll {
  return { ...NO_POLLS, jobId: job.id, token, delayMs: 0, ...more };
}

/** For `insert into jobs`: as many finished jobs of the owner `many`, every other one of which FAILED. */
export const addMany = (count: number) => `
  insert into jobs (id, owner_id, kind, deployment_id, upstream, api_version, status, version, created_at,
    updated_at, work, submit_until)
  with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})
  select 'job_' || n, 'many', 'lora', 'd', 'sandbox', 'v1', case when n % 2 = 0 then 'FAILED' else 'SUCCEEDED' end,
    1, n, n, 1, 0 from numbers;
  insert into job_tags (job_id, tag, owner_id, created_at)
  select id, 'a', owner_id, created_at from jobs where owner_id = 'many'`;

/** Why a database can't be opened; without a password. */
export async function failToOpen(databaseUrl: string): Promise<SetupError> {
  const log = pino({ level: "silent" });
  const error = await openStore({ upstream: "sandbox", databaseUrl, log }).then(
    () => new Error("it opened"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof SetupError)) throw error;
  for (const text of [error.message, String(error.cause)]) expect(text).not.toContain("s3cret");
  return error;
}

/** Deletes all that tests write. */
export const EMPTY = `delete from jobs; delete from uploads; delete from pending_deletions; delete from runs;
  delete from pauses; delete from spent_keys; delete from repeatable_submits; delete from feed_eras; delete from quotas;
  delete from upstream_webhook_trust; delete from sign_ins; delete from paused_deployments; delete from late_costs`;
