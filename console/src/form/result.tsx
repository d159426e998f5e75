import { OpenLink } from "../lightbox/open-link";
import { describe, isZoomable } from "../lightbox/pictures";
import { Picture, sizeOf } from "../parts/picture";
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
  return assets.map((asset, n) => {
    const place = { jobId: job.id, n };
    const picture = <Picture asset={asset} alt={describe({ job, asset, n })} />;
    return (
      <figure key={asset.url}>
        <div
          className={asset.kind === "AUDIO" ? "run-sound" : "run-frame run-frame-full"}
          style={asset.kind === "AUDIO" ? undefined : style}
        >
          {isZoomable({ asset }) ? <OpenLink place={place}>{picture}</OpenLink> : picture}
        </div>
        <figcaption className="hint">
          {asset.width !== null && asset.height !== null && `${asset.width} × ${asset.height}`}
          {!isZoomable({ asset }) && <OpenLink place={place}>Open large</OpenLink>}
        </figcaption>
      </figure>
    );
  });
}

/** Of the picture that was asked for; a square where neither the input nor a default says. */
export function toRatio(input: unknown, fields: readonly Field[]): number {
  const defaults = Object.fromEntries(fields.map(({ name, fallback }) => [name, fallback]));
  const size = sizeOf(isObject(input) ? { ...defaults, ...input } : defaults);
  return size ? Math.min(Math.max(size.width / size.height, MIN_RATIO), MAX_RATIO) : 1;
}
