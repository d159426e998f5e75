import { useState } from "react";

import { OpenLink } from "../lightbox/open-link";
import { describe, isZoomable, type Shown } from "../lightbox/pictures";
import { Targets } from "../lightbox/targets";
import { Picture, sizeOf, urlOf } from "../parts/picture";
import { useViewer } from "../viewer";
import { BeforeAfter } from "./before-after";
import type { Field } from "./fields";
import { findFiles, useGivenFile } from "./given-file";
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
  return assets.map((asset, n) => (
    <Output
      key={asset.url}
      picture={{ key: asset.url, jobId: job.id, job, asset, n }}
      fields={fields}
    />
  ));
}

function Output({
  picture,
  fields,
}: {
  readonly picture: Shown;
  readonly fields: readonly Field[];
}) {
  const { job, asset, n } = picture;
  const { may } = useViewer();
  const [given = "", ...others] = findFiles(fields, job.input);
  const before = useGivenFile(others.length === 0 && job.assets.length === 1 ? given : "");
  const [isCompared, setIsCompared] = useState(false);
  const ratio = toRatio(job.input, fields);
  const place = { jobId: job.id, n };
  const alt = describe(picture);
  const shown = <Picture asset={asset} alt={alt} />;
  const isPair = isZoomable(picture) && before !== null && /^(image|$)/.test(before.type);
  return (
    <figure>
      {isPair && isCompared ? (
        <BeforeAfter before={before.url} after={urlOf(asset)} {...{ alt, ratio }} />
      ) : (
        <div
          className={asset.kind === "AUDIO" ? "run-sound" : "run-frame run-frame-full"}
          style={asset.kind === "AUDIO" ? undefined : { aspectRatio: ratio }}
        >
          {isZoomable(picture) ? <OpenLink place={place}>{shown}</OpenLink> : shown}
        </div>
      )}
      <figcaption className="hint row">
        {asset.width !== null && asset.height !== null && `${asset.width} × ${asset.height}`}
        {!isZoomable(picture) && <OpenLink place={place}>Open large</OpenLink>}
        {isPair && (
          <button
            type="button"
            aria-pressed={isCompared}
            onClick={() => setIsCompared(!isCompared)}
          >
            Before and after
          </button>
        )}
        {may("jobs:submit") && asset.kind !== "OTHER" && <UseAsInput picture={picture} />}
      </figcaption>
    </figure>
  );
}

/** Asks for the deployments that take it once it is opened. */
function UseAsInput({ picture }: { readonly picture: Shown }) {
  const [isOpened, setIsOpened] = useState(false);
  return (
    <details onToggle={({ currentTarget }) => setIsOpened(currentTarget.open)}>
      <summary className="button">Use as input</summary>
      {isOpened && <Targets picture={picture} />}
    </details>
  );
}

/** Of the picture that was asked for; a square where neither the input nor a default says. */
export function toRatio(input: unknown, fields: readonly Field[]): number {
  const defaults = Object.fromEntries(fields.map(({ name, fallback }) => [name, fallback]));
  const size = sizeOf(isObject(input) ? { ...defaults, ...input } : defaults);
  return size ? Math.min(Math.max(size.width / size.height, MIN_RATIO), MAX_RATIO) : 1;
}
