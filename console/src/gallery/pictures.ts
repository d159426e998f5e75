import type { JobRowFragment } from "../gql";
import type { Asset } from "../parts/picture";
import { promptOf } from "../parts/prompt";

/** A picture or video of a job; `n` is its place among the job's files. */
export type Shown = {
  readonly key: string;
  readonly job: JobRowFragment;
  readonly n: number;
  readonly asset: Asset;
};

/** What the gallery shows of a job: what can be seen, not what is heard or of another kind. */
export function picturesOf(job: JobRowFragment): Shown[] {
  return job.assets
    .map((asset, n) => ({ key: toKey(job.id, n), job, n, asset }))
    .filter(({ asset: { kind } }) => kind === "IMAGE" || kind === "VIDEO");
}

export function toKey(jobId: string, n: number): string {
  return `${jobId}/${n}`;
}

/** What somebody hears who can't see it. */
export function describe({ job, asset, n }: Shown): string {
  const what = asset.kind === "VIDEO" ? "Video" : "Picture";
  const one = job.assets.length > 1 ? `${what} ${n + 1} of ${job.assets.length}` : what;
  return `${one}: ${promptOf(job) || job.deployment.name}`;
}
