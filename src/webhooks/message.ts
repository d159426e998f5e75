import type { SignedUrls } from "../files/signed-urls.ts";
import { type Asset, NOT_KEPT, toAssets } from "../job/asset.ts";
import type { Job } from "../job/job.ts";
import type { JobStore } from "../store/job-store.ts";
import type { ClaimedWebhook } from "../store/webhook-claims.ts";

const MAX_ASSETS = 20;
const MAX_BYTES = 20_000;

/**
 * Writes what a webhook is told, as it is when it is told: URLs of kept files run out. Null where its job is gone, and there
 * is nothing to tell.
 */
export function createMessages({
  store,
  urls,
}: {
  readonly store: Pick<JobStore, "jobs" | "documents" | "files">;
  readonly urls: Pick<SignedUrls, "create">;
}) {
  return async ({ ownerId, delivery }: ClaimedWebhook): Promise<string | null> => {
    const { jobId, event, createdAt, disabledId } = delivery;
    const head = {
      type: event.toLowerCase().replace("_", "."),
      timestamp: createdAt.toISOString(),
    };
    if (jobId === null) return JSON.stringify({ ...head, data: { webhook: { id: disabledId } } });
    const job = await store.jobs.read(jobId, ownerId);
    if (job === null) return null;
    const found = await readAssets(job);
    const [kept] = found.length === 0 ? [] : await store.files.readMany([jobId]);
    const told = found.slice(0, MAX_ASSETS).map(({ url, kind }) => {
      const { state, file, contentType, bytes, width, height } = kept?.get(url) ?? NOT_KEPT;
      const keptUrl =
        file === null ? null : urls.create({ folder: "files", name: file, width: null });
      return { url, kind, keep: state, keptUrl, contentType, bytes, width, height };
    });
    const write = () =>
      JSON.stringify({
        ...head,
        data: { job: { ...toFacts(job), assets: told, assetCount: found.length } },
      });
    // Addresses of outputs may be of any length.
    let text = write();
    while (Buffer.byteLength(text) > MAX_BYTES && told.pop() !== undefined) text = write();
    return text;
  };

  async function readAssets({ id, status }: Job): Promise<readonly Asset[]> {
    const text = status === "SUCCEEDED" ? await store.documents.readText(id, "assets") : null;
    return text === null ? [] : toAssets(JSON.parse(text));
  }
}

function toFacts(job: Job) {
  const { id, status, deploymentId, tags, error, cost, version } = job;
  const { createdAt, startedAt, finishedAt } = job;
  return { id, status, deploymentId, tags, error, cost, version, createdAt, startedAt, finishedAt };
}
