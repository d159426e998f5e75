import { useState } from "react";

import { UseAsInput } from "../lightbox/offers";
import { OpenLink } from "../lightbox/opened";
import { describe, isZoomable, type Shown, toKey } from "../lightbox/pictures";
import { Picture, sizeOf, urlOf } from "../parts/picture";
import { useViewer } from "../viewer";
import type { Field } from "./fields";
import { findFiles, useGivenFile } from "./given-file";
import { isObject } from "./json";
import { Progress } from "./progress";
import type { WatchedJob } from "./use-job";

const MIN_RATIO = 1 / 3;
const MAX_RATIO = 3;

type Props = { readonly job: WatchedJob; readonly fields: readonly Field[] };

/** What came of a job, in a place that is as large while it runs as its pictures will be. */
export function Result({ job, fields }: Props) {
  const aspectRatio = toRatio(job.input, fields);
  if (job.assets.length > 0)
    return job.assets.map((asset, n) => (
      <Output
        key={asset.url}
        picture={{ key: toKey(job.id, n), job, asset, n }}
        {...{ fields, aspectRatio }}
      />
    ));
  const isToCome = !job.isFinished && !job.isPaused;
  return (
    <figure className="frame run-frame" style={{ aspectRatio }}>
      {isToCome && <Progress job={job} />}
      {!isToCome && (
        <p className="run-words" role={job.status === "FAILED" ? "alert" : undefined}>
          {tellEnd(job)}
        </p>
      )}
    </figure>
  );
}

/** Why there is nothing to see. */
function tellEnd({ isPaused, status, error }: WatchedJob): string {
  if (isPaused)
    return "It waits until what it was sent to, an account or the sandbox, is in use again.";
  if (status === "FAILED") return error?.message ?? "It failed.";
  if (status === "CANCELLED") return "Cancelled before it ran. Nothing was made.";
  return "It ended without a file. Its output stands under “Details”.";
}

function Output({
  picture,
  fields,
  aspectRatio,
}: {
  readonly picture: Shown;
  readonly fields: readonly Field[];
  readonly aspectRatio: number;
}) {
  const { key, job, asset } = picture;
  const { may } = useViewer();
  const [given = "", ...others] = findFiles(fields, job.input);
  const before = useGivenFile(others.length === 0 && job.assets.length === 1 ? given : "");
  /** How much of before is shown over what came out, in percent; null while they are not compared. */
  const [part, setPart] = useState<number | null>(null);
  const shown = <Picture asset={asset} alt={describe(picture)} />;
  const isPair = isZoomable(picture) && before !== null && /^(image|$)/.test(before.type);
  const isCompared = isPair && part !== null;
  return (
    <figure className="stack">
      {asset.kind === "AUDIO" ? (
        shown
      ) : (
        <div className="frame run-frame" style={{ aspectRatio }}>
          {isCompared ? (
            <>
              <img src={urlOf(asset)} alt={describe(picture)} />
              <img
                src={before.url}
                alt="What went in"
                style={{ clipPath: `inset(0 ${100 - part}% 0 0)` }}
              />
            </>
          ) : isZoomable(picture) ? (
            <OpenLink picture={key}>{shown}</OpenLink>
          ) : (
            shown
          )}
        </div>
      )}
      {isCompared && (
        <label className="row small">
          Before
          <input
            className="grow"
            type="range"
            aria-label="How much of before is shown, in percent"
            value={part}
            onChange={({ target }) => setPart(Number(target.value))}
          />
          After
        </label>
      )}
      <figcaption className="row hint">
        {asset.width !== null && asset.height !== null && `${asset.width} × ${asset.height}`}
        {!isZoomable(picture) && <OpenLink picture={key}>Open large</OpenLink>}
        {isPair && (
          <button
            type="button"
            aria-pressed={isCompared}
            onClick={() => setPart(isCompared ? null : 50)}
          >
            Before and after
          </button>
        )}
        {may("jobs:submit") && asset.kind !== "OTHER" && <UseAsInput picture={picture} />}
      </figcaption>
    </figure>
  );
}

/** Of the picture that was asked for; a square where neither the input nor a default says. */
export function toRatio(input: unknown, fields: readonly Field[]): number {
  const defaults = Object.fromEntries(fields.map(({ name, fallback }) => [name, fallback]));
  const size = sizeOf(isObject(input) ? { ...defaults, ...input } : defaults);
  return size ? Math.min(Math.max(size.width / size.height, MIN_RATIO), MAX_RATIO) : 1;
}
