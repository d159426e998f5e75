import { Picture, sizeOf, urlOf } from "../parts/picture";
import { promptOf } from "../parts/prompt";
import type { Field } from "./fields";
import { isObject } from "./json";
import { Progress } from "./progress";
import type { WatchedJob } from "./use-job";

const MIN_RATIO = 1 / 3;
const MAX_RATIO = 3;

/** What came of a job, in a place that is as large while it runs as its pictures will be. */
export function Result({
  job,
  fields,
}: {
  readonly job: WatchedJob;
  readonly fields: readonly Field[];
}) {
  const style = { aspectRatio: toRatio(job.input, fields) };
  const { assets, error, status } = job;
  if (assets.length === 0) {
    return (
      <figure>
        <div className="run-frame" style={style}>
          {job.isPaused && (
            <p>It waits until what it was sent to, an account or the sandbox, is in use again.</p>
          )}
          {!job.isFinished && !job.isPaused && <Progress job={job} />}
          {status === "FAILED" && <p role="alert">{error?.message ?? "It failed."}</p>}
          {status === "CANCELLED" && <p>Cancelled before it ran. Nothing was made.</p>}
          {status === "SUCCEEDED" && (
            <p>It ended without a file. Its output stands under “Details”.</p>
          )}
        </div>
        <figcaption className="hint" />
      </figure>
    );
  }
  const alt = promptOf(job) || "Output";
  return assets.map((asset, index) => (
    <figure key={asset.url}>
      <div
        className={asset.kind === "AUDIO" ? "run-sound" : "run-frame run-frame-full"}
        style={asset.kind === "AUDIO" ? undefined : style}
      >
        <Picture asset={asset} alt={assets.length > 1 ? `${alt} (${index + 1})` : alt} />
      </div>
      <figcaption className="hint">
        {asset.width !== null && asset.height !== null && `${asset.width} × ${asset.height}, `}
        <a href={urlOf(asset)} target="_blank" rel="noreferrer">
          open the file
        </a>
      </figcaption>
    </figure>
  ));
}

/** Of the picture that was asked for; a square where neither the input nor a default says. */
export function toRatio(input: unknown, fields: readonly Field[]): number {
  const defaults = Object.fromEntries(fields.map(({ name, fallback }) => [name, fallback]));
  const size = sizeOf(isObject(input) ? { ...defaults, ...input } : defaults);
  return size ? Math.min(Math.max(size.width / size.height, MIN_RATIO), MAX_RATIO) : 1;
}
