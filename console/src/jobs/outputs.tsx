import { useState } from "react";

import { OpenLink } from "../lightbox/opened";
import { describe, isZoomable, toKey } from "../lightbox/pictures";
import { Picture, sizeOf, urlOf } from "../parts/picture";
import { SaveLink } from "../parts/save-link";
import { Ago } from "../parts/time";
import { clock, useStore } from "../store";
import type { FullJob } from "./use-job";

type Asset = FullJob["assets"][number];
type Output = { readonly job: FullJob; readonly asset: Asset; readonly n: number };

/** What a job gave, as large as fits, several beside each other. */
export function Outputs({
  job,
  onKeep,
}: {
  readonly job: FullJob;
  /** Null where the viewer may not. */
  readonly onKeep: (() => void) | null;
}) {
  return (
    <div className="stack job-outputs">
      {job.assets.map((asset, n) => {
        const output = { job, asset, n };
        return (
          <figure key={asset.path} className="stack">
            <Seen {...output} />
            <figcaption className="stack tight">
              <span className="row">
                <SaveLink {...output} />
                {!isZoomable(output) && (
                  <OpenLink className="button" picture={toKey(job.id, n)}>
                    Open large
                  </OpenLink>
                )}
                <span className="hint" title={asset.path}>
                  {factsOf(asset)}
                </span>
              </span>
              <Keeping {...{ asset, onKeep }} />
            </figcaption>
          </figure>
        );
      })}
    </div>
  );
}

function Seen(output: Output) {
  const { job, asset, n } = output;
  const [broken, setBroken] = useState("");
  const isGone = useIsGone(asset) && asset.keptUrl === null;
  const picture = <Picture asset={asset} alt={describe(output)} />;
  if (asset.kind === "AUDIO" || asset.kind === "OTHER") return picture;
  const url = urlOf(asset);
  return (
    <div
      className="frame"
      style={{ aspectRatio: shapeOf(job.input, asset) }}
      onErrorCapture={() => setBroken(url)}
    >
      {isGone || broken === url ? (
        <p>{isGone ? "RunComfy has deleted this file." : "This file can't be shown here."}</p>
      ) : isZoomable(output) ? (
        <OpenLink picture={toKey(job.id, n)}>{picture}</OpenLink>
      ) : (
        picture
      )}
    </div>
  );
}

/** Whether a file stays, and what can be done so that it does. */
function Keeping({
  asset,
  onKeep,
}: {
  readonly asset: Asset;
  readonly onKeep: (() => void) | null;
}) {
  const isGone = useIsGone(asset);
  const { keep, keepError, expiresAt } = asset;
  if (keep === "KEPT") return <span className="hint">Kept here, for as long as the job.</span>;
  if (keep === "PENDING") return <span className="hint">Being copied, so that it stays…</span>;
  return (
    <span className="row small">
      <span className={keep === "FAILED" ? "issue" : "warning"}>
        {keep === "FAILED" && `Not kept: ${keepError ?? "it could not be copied."} `}
        {expiresAt === null ? (
          "RunComfy deletes it 7 days after the job's end."
        ) : (
          <>
            RunComfy {isGone ? "deleted it" : "deletes it"} <Ago at={expiresAt} />.
          </>
        )}
      </span>
      {onKeep !== null && !isGone && <button onClick={onKeep}>Keep it</button>}
    </span>
  );
}

/** Whether RunComfy has deleted it. */
function useIsGone({ expiresAt }: Asset): boolean {
  const now = useStore(clock);
  return expiresAt !== null && Date.parse(expiresAt) <= now;
}

/** As CSS has it: of the file where its size is known, and else as the input asked for. */
export function shapeOf(input: unknown, asset: Asset | null = null): string {
  const size = sizeOf(input, asset);
  return size ? `${size.width} / ${size.height}` : "1 / 1";
}

/** `768 × 512 · 1.3 MB · image/png` */
function factsOf({ contentType, bytes, width, height }: Asset): string {
  const size = width && height && `${width} × ${height}`;
  return [size, bytes !== null && BYTES.format(bytes), contentType].filter(Boolean).join(" · ");
}

/** `1.3MB` */
const BYTES = new Intl.NumberFormat("en", {
  style: "unit",
  unit: "byte",
  unitDisplay: "narrow",
  notation: "compact",
});
