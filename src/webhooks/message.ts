import type { SignedUrls } from "../files/signed-urls.ts";
import { type Asset, type KeptFile, NOT_KEPT } from "../job/asset.ts";
import type { Job } from "../job/job.ts";
import type { JobStore } from "../store/job-store.ts";
import type { ClaimedWebhook } from "../store/webhook-claims.ts";

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
    const jobs = (await store.jobs.readMany(ids, claimed[0]?.ownerId)).filter(
      (job) => job !== null,
    );
    const named = await store.documents.readFirstAssets(jobs.map(({ id }) => id));
    const facts = new Map<string, Facts>();
    for (const [index, job] of jobs.entries()) {
      const { assets = [], count = 0 } = named[index] ?? {};
      facts.set(job.id, { job, named: assets.slice(0, MAX_ASSETS), count });
    }
    const sent = Array.from(facts.values(), (one) => one.named.map(({ url }) => url)).flat();
    const kept = sent.length === 0 ? [] : await store.files.readMany(ids, sent);
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

  function write(
    head: object,
    { job, named, count }: Facts,
    kept: ReadonlyMap<string, KeptFile> | undefined,
  ): string {
    const assets = named.map(({ url, kind }) => {
      const { state, file, contentType, bytes, width, height } = kept?.get(url) ?? NOT_KEPT;
      const keptUrl =
        file === null ? null : urls.create({ folder: "files", name: file, width: null });
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
