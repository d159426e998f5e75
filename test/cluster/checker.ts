import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { z } from "zod";

import { SubmitJobDocument } from "../support/gql/operations.ts";
import { request } from "../support/graphql-client.ts";
import type { Cluster } from "./cluster.ts";
import { startFeedWatchers } from "./feed-watchers.ts";
import { createWatchers, FINAL } from "./watchers.ts";

export type Checker = ReturnType<typeof createChecker>;

const SUBMITS_AT_ONCE = 25;
/** Longer than two outages, one after the other. */
const SUBMIT_PATIENCE_MS = 240_000;
const ANSWER_PATIENCE_MS = 5_000;
const RETRY_MS = 200;
const CHECK_INTERVAL_MS = 100;
const BODY = z.object({ prompt: z.string() });
type Row = {
  readonly id: string;
  readonly status: string;
  readonly version: number;
  readonly key: string;
  readonly requestId: string | null;
};

/**
 * Submits and watches through a cluster's front, and knows what every job, every watcher of one and every feed of all must
 * have seen in the end. All jobs of the cluster must be submitted by it.
 */
export function createChecker({ url, database, upstream }: Cluster) {
  const watchers = createWatchers(url);
  const feeds = startFeedWatchers(url);
  const jobIds = new Map<string, string>();

  async function submitOne(deploymentId: string): Promise<void> {
    const key = randomUUID();
    const jobId = await submitUntilSettled(url, deploymentId, key);
    jobIds.set(key, jobId);
    watchers.watch(jobId);
  }

  /** Without those that were surely refused: such a job may be sent again. */
  function countPosts(): ReadonlyMap<string, number> {
    const posts = new Map<string, number>();
    for (const { call, body, fault } of upstream.requests) {
      if (call !== "submit" || fault === "rate-limited-without-time") continue;
      const { prompt } = BODY.parse(JSON.parse(body));
      posts.set(prompt, (posts.get(prompt) ?? 0) + 1);
    }
    return posts;
  }

  async function findBrokenJobs(rows: readonly Row[]): Promise<readonly string[]> {
    const posts = countPosts();
    const { rows: gaps } = await database.query<{ id: string }>(
      `select id from jobs left join job_events as told on job_id = id and told.status = jobs.status
       where told.version is null or told.version > jobs.version
         or (finished_at is not null and told.version < jobs.version)`,
    );
    const byKey = new Map(rows.map((row) => [row.key, row]));
    const lost = [...jobIds].filter(([key, id]) => byKey.get(key)?.id !== id);
    return [
      ...lost.map(([, id]) => `Job ${id} was acknowledged and is not in the database.`),
      ...(rows.length === jobIds.size ? [] : [`There are ${rows.length} jobs of ${jobIds.size}.`]),
      ...gaps.map(({ id }) => `Job ${id} has a history that does not fit its status.`),
      ...rows.flatMap(({ id, status, key, requestId }) => {
        const posted = posts.get(key) ?? 0;
        return [
          ...(FINAL.has(status) ? [] : [`Job ${id} is still ${status}.`]),
          ...(posted > 1 ? [`Job ${id} was posted ${posted} times.`] : []),
          ...(posted === 0 && requestId !== null ? [`Job ${id} was never posted.`] : []),
        ];
      }),
    ];
  }

  /** What of the cluster's promises was broken, a sentence each, once every job has ended. */
  async function findBroken(): Promise<readonly string[]> {
    const rows = await readRows();
    const byId = new Map(rows.map((row) => [row.id, row]));
    const watched = watchers.watches.flatMap((seen) => {
      const row = byId.get(seen.jobId);
      const isTrue = seen.status === row?.status && seen.version === row?.version;
      return [
        ...seen.broken,
        ...(seen.hasEnded ? [] : ["did not see the end"]),
        ...(isTrue ? [] : [`saw ${seen.status} ${seen.version} last, not what is stored`]),
      ].map((text) => `The watcher of ${seen.jobId} ${text}.`);
    });
    const fed = feeds.findBroken(toVersions(rows));
    return [...(await findBrokenJobs(rows)), ...watched, ...fed];
  }

  async function readRows(): Promise<readonly Row[]> {
    const { rows } = await database.query<Row>(
      `select id, status, version, idempotency_key as key, request_id as "requestId" from jobs`,
    );
    return rows;
  }

  async function haveAllEnded(): Promise<boolean> {
    const haveEnded = watchers.watches.every(({ hasEnded }) => hasEnded);
    return haveEnded && !feeds.areBehind(toVersions(await readRows()));
  }

  return {
    /** Submits, each until it has an outcome, and watches every job from then on. */
    async submit(deploymentId: string, count: number): Promise<void> {
      await feeds.whenBegun;
      let left = count;
      const work = async (): Promise<void> => {
        while (left-- > 0) await submitOne(deploymentId);
      };
      await Promise.all(Array.from({ length: SUBMITS_AT_ONCE }, work));
    },
    /** Resolves when every watcher saw its job's end, and every feed what is stored; rejects when that takes longer. */
    async whenAllEnded(patienceMs: number): Promise<void> {
      const deadline = performance.now() + patienceMs;
      while (!(await haveAllEnded())) {
        if (performance.now() > deadline) {
          const broken = await findBroken();
          throw new Error(`Not all ended in ${patienceMs} ms:\n${broken.slice(0, 20).join("\n")}`);
        }
        await sleep(CHECK_INTERVAL_MS);
      }
    },
    findBroken,
    allowReset: feeds.allowReset,
    /** How many jobs ended with this status and, if one is named, this error. */
    async countJobs(status: string, errorCode?: string): Promise<number> {
      const { rows } = await database.query<{ count: number }>(
        "select count(*)::int as count from jobs where status = $1 and ($2::text is null or error_code = $2)",
        [status, errorCode ?? null],
      );
      return rows[0]?.count ?? 0;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all([watchers.close(), feeds.close()]);
    },
  };
}

/** What a feed must have come to: a job is told once the upstream has it, or may have it. */
function toVersions(rows: readonly Row[]): ReadonlyMap<string, number> {
  const told = rows.filter(({ status }) => status !== "SUBMITTING");
  return new Map(told.map(({ id, version }) => [id, version]));
}

/** Sends the same key again, as a careful client does, until the gateway tells what became of it. */
async function submitUntilSettled(url: string, deploymentId: string, key: string): Promise<string> {
  const variables = { deploymentId, input: { prompt: key }, idempotencyKey: key };
  const deadline = performance.now() + SUBMIT_PATIENCE_MS;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const { submitJob } = await Promise.race([
        request(url, SubmitJobDocument, variables),
        // A gateway that is frozen answers nothing, and closes nothing.
        sleep(ANSWER_PATIENCE_MS).then(() => Promise.reject(new Error("No answer came."))),
      ]);
      last = submitJob;
      if (submitJob.__typename === "SubmitJobSuccess") return submitJob.job.id;
      if (submitJob.__typename !== "UpstreamError") break;
      if (submitJob.unconfirmedJob !== null) return submitJob.unconfirmedJob.id;
      if (!submitJob.retryable) break;
    } catch (error) {
      last = error; // The connection ended, or the database was away: the key makes it safe to ask again.
    }
    await sleep(RETRY_MS);
  }
  throw new Error(
    `A submit was not settled: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
    { cause: last },
  );
}
