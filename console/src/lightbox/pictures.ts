import type { JobRowFragment } from "../gql";
import type { Asset } from "../parts/picture";
import { promptOf } from "../parts/prompt";
import { type Place, toKey } from "./address";

/** A picture, video or sound of a job. */
export type Shown = Place & {
  readonly key: string;
  readonly job: JobRowFragment;
  readonly asset: Asset;
};

/** What of a job can be seen or heard. */
export function picturesOf(job: JobRowFragment): Shown[] {
  return job.assets
    .map((asset, n) => ({ key: toKey({ jobId: job.id, n }), jobId: job.id, job, n, asset }))
    .filter(({ asset: { kind } }) => kind !== "OTHER");
}

const WORDS = { IMAGE: "Picture", VIDEO: "Video", AUDIO: "Sound", OTHER: "File" } as const;

/** What somebody hears who can't see it. */
export function describe({ job, asset, n }: Pick<Shown, "job" | "asset" | "n">): string {
  const what = WORDS[asset.kind];
  const one = job.assets.length > 1 ? `${what} ${n + 1} of ${job.assets.length}` : what;
  return `${one}: ${promptOf(job) || job.deployment.name}`;
}

/** A video and a sound have controls of their own where a drag would be. */
export function isZoomable({ asset: { kind } }: Pick<Shown, "asset">): boolean {
  return kind === "IMAGE";
}

/** The id of a picture's link in the page. */
export function toTileId(place: Place): string {
  return `picture-${toKey(place)}`;
}
