import { setTimeout as sleep } from "node:timers/promises";

import { type Logger, pino } from "pino";

import { createFetchFile } from "../../src/engine/files/fetch-file.ts";
import { Keeper } from "../../src/engine/files/keep-outputs.ts";
import { openFileStore } from "../../src/engine/files/open-file-store.ts";
import { advance } from "../../src/engine/job/advance.ts";
import { createJob, type Job } from "../../src/engine/job/job.ts";
import type { KeptFile } from "../../src/engine/job/asset.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import type { AlsoWrite } from "../../src/engine/store/admission.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import { toResult } from "./to-result.ts";

export const silent = pino({ level: "silent" });
export const NO_CREDENTIALS = { accessKeyId: "", secretAccessKey: "", sessionToken: null };

/** A database, a folder for its files, and what keeps outputs from this origin in it. */
export async function openKeeper(options: {
  readonly folder: string;
  readonly origin: string;
  readonly databaseUrl?: string;
  readonly mostBytes?: number;
  readonly claimMs?: number;
  readonly log?: Logger;
}) {
  const { folder, origin, databaseUrl = ":memory:", mostBytes = 1_048_576, log = silent } = options;
  const store = await openStore({ upstream: "sandbox", databaseUrl, log });
  const files = await openFileStore({
    url: `file:${folder}`,
    databaseId: "test",
    credentials: NO_CREDENTIALS,
    files: store.files,
  });
  const keeper = new Keeper({
    files: store.files,
    store: files,
    fetchFile: createFetchFile({ trustedOrigins: [origin] }),
    mostBytes,
    claimMs: options.claimMs ?? 30_000,
    log,
  });

  async function stateOf(job: Job): Promise<readonly KeptFile[]> {
    const [kept] = await store.files.readMany([job.id]);
    return [...(kept?.values() ?? [])];
  }

  return {
    store,
    files,
    keeper,
    stateOf,
    /** Ends a job whose output names these paths of the origin, or URLs. */
    async succeed(paths: readonly string[]): Promise<Job> {
      const urls = paths.map((path) => (path.startsWith("/") ? `${origin}${path}` : path));
      const job = await succeedWith(store, urls);
      keeper.wake();
      return job;
    },
    /** Resolves with a job's files once none of them is PENDING. */
    async untilSettled(job: Job): Promise<readonly KeptFile[]> {
      for (;;) {
        const kept = await stateOf(job);
        if (kept.every(({ state }) => state !== "PENDING")) return kept;
        await sleep(10);
      }
    },
    async close(): Promise<void> {
      await keeper.close();
      await store.close();
    },
  };
}

/** Stores a job that has SUCCEEDED, with URLs in its output that are to be kept. */
export async function succeedWith(
  { jobs }: JobStore,
  urls: readonly string[],
  options: {
    readonly ownerId?: string;
    readonly upstream?: string;
    readonly alsoWrite?: AlsoWrite;
  } = {},
): Promise<Job> {
  const { ownerId = "o", upstream = "sandbox", alsoWrite } = options;
  const now = new Date();
  const facts = { ownerId, deploymentId: "d", upstream, apiVersion: "v1", now };
  const job = createJob({ ...facts, kind: "lora" });
  await jobs.insert({ job, input: {}, key: null, alsoWrite });
  const seen = { kind: "succeeded", output: { urls }, finishedAt: null } as const;
  const ended = advance(job, seen, now, upstream);
  await jobs.save(job, ended, toResult(seen.output, urls));
  return ended;
}
