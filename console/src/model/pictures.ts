import type { JobRowFragment } from "../gql";
import { withParameters } from "./address";
import type { Asset } from "./asset";
import { MEDIA, type Media } from "./filters";
import { promptOf } from "./prompt";

/** A picture, video or sound: the `n`th file of a job. */
export type Shown = {
  readonly key: string;
  readonly job: JobRowFragment;
  readonly asset: Asset;
  readonly n: number;
};

/** The name of a file of a job in addresses, and the id of the link that opens it. */
export function toKey(jobId: string, n: number): string {
  return `${jobId}.${n}`;
}

export function toJobId(key: string): string {
  return key.split(".")[0] ?? "";
}

/** What a job made. */
export function filesOf<Job extends JobRowFragment>(
  job: Job,
): (Shown & { readonly job: Job; readonly asset: Job["assets"][number] })[] {
  return job.assets.map((asset, n) => ({ key: toKey(job.id, n), job, asset, n }));
}

/** What of it can be seen or heard, or only what is of these kinds. */
export function picturesOf(job: JobRowFragment, media: Media = []): Shown[] {
  const words = media.length > 0 ? media : MEDIA.map(({ word }) => word);
  return filesOf(job).filter(({ asset: { kind } }) =>
    words.some((word) => word.toUpperCase() === kind),
  );
}

const WORDS = { IMAGE: "Picture", VIDEO: "Video", AUDIO: "Sound", OTHER: "File" } as const;

/** `Picture 2 of 4` */
export function titleOf({ job, asset, n }: Pick<Shown, "job" | "asset" | "n">): string {
  const what = WORDS[asset.kind];
  return job.assets.length > 1 ? `${what} ${n + 1} of ${job.assets.length}` : what;
}

/** What a screen reader says. */
export function describe(picture: Pick<Shown, "job" | "asset" | "n">): string {
  return `${titleOf(picture)}: ${promptOf(picture.job) || picture.job.deployment.name}`;
}

/** A video and a sound have controls of their own where a drag would be. */
export function isZoomable({ asset: { kind } }: Pick<Shown, "asset">): boolean {
  return kind === "IMAGE";
}

/** The same address with a picture open, or none, and another one that it is compared with. */
export function withOpened(search: URLSearchParams, open: string, compared = ""): URLSearchParams {
  return withParameters(search, { open, with: compared });
}

/** Marks an entry of the browser's history from which "back" leads to the screen below. */
export const OPENED_HERE = "opened here";
