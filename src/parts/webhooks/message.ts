import { toFileUrl } from "../../engine/files/file-urls.ts";
import type { SignedUrls } from "../../engine/files/signed-urls.ts";
import { type Asset, type KeptFile, NOT_KEPT } from "../../engine/job/asset.ts";
import type { Job } from "../../engine/job/job.ts";
import type { JobStore } from "../../engine/store/job-store.ts";
import type { ClaimedWebhook } from "./claims.ts";

const MAX_ASSETS = 20;
const MAX_BYTES = 20_000;

/**
 * Writes what is sent to a webhook, as it is when it is sent: URLs of kept files expire. Null for each whose job is gone, as
 * there is nothing to send.
 */
export function createMessages({
  store,
  urls,
}: {
  readonly store: Pick<JobStore, "jobs" | "documents" | "files">;
  readonly urls: Pick<SignedUrls, "create">;
}) {
  return async (claimed: readonly ClaimedWebhook[]): Promise<readonly (string | null)[]> => {
    const ids = claimed.flatMap(({ delivery }) => delivery.jobId ?? []);
    const jobs = await store.jobs.readMany(ids, claimed[0]?.ownerId);
    const facts = await readFacts(jobs.filter((job) => job !== null));
    const kept = await store.files.readMany(ids, MAX_ASSETS);
    const keptOf = new Map(ids.map((id, index) => [id, kept[index]]));
    return claimed.map(({ delivery }) => {
      const { jobId, event, createdAt, disabledId } = delivery;
      const head = {
        type: event.toLowerCase().replace("_", "."),
        timestamp: createdAt.toISOString(),
      };
      if (jobId === null) return JSON.stringify({ ...head, data: { webhook: { id: disabledId } } });
      const found = facts.get(jobId);
      return found === undefined ? null : write(head, found, keptOf.get(jobId));
    });
  };

  async function readFacts(jobs: readonly Job[]): Promise<ReadonlyMap<string, Facts>> {
    const first = await store.documents.readFirstAssets(jobs.map(({ id }) => id));
    return new Map(
      jobs.map((job, index) => {
        const { assets = [], count = 0 } = first[index] ?? {};
        return [job.id, { job, named: assets.slice(0, MAX_ASSETS), count }];
      }),
    );
  }

  function write(
    head: object,
    { job, named, count }: Facts,
    kept: ReadonlyMap<string, KeptFile> | undefined,
  ): string {
    const assets = named.map(({ url, kind }) => {
      const { state, file, contentType, bytes, width, height } = kept?.get(url) ?? NOT_KEPT;
      const keptUrl = toFileUrl({ file }, urls);
      return { url, kind, keep: state, keptUrl, contentType, bytes, width, height };
    });
    const toText = () =>
      JSON.stringify({
        ...head,
        data: { job: { ...toFacts(job), assets, assetCount: count } },
      });
    // Addresses of outputs may be of any length.
    let text = toText();
    while (Buffer.byteLength(text) > MAX_BYTES && assets.pop() !== undefined) text = toText();
    return text;
  }
}

type Facts = { readonly job: Job; readonly named: readonly Asset[]; readonly count: number };

function toFacts(job: Job) {
  const { id, status, deploymentId, tags, error, cost, version } = job;
  const { createdAt, startedAt, finishedAt } = job;
  return { id, status, deploymentId, tags, error, cost, version, createdAt, startedAt, finishedAt };
}
