import { type ReactNode, useState } from "react";

import { OpenLink } from "../lightbox/opened";
import { describe, isZoomable, toKey } from "../lightbox/pictures";
import type { FullJob } from "./use-job";
import { Picture, sizeOf, urlOf } from "../parts/picture";
import { SaveLink } from "../parts/save-link";
import { KeepLine } from "./keep-line";

type Asset = FullJob["assets"][number];

/** What a job gave, as large as fits, several beside each other. */
export function Outputs({
  job,
  onKeep,
}: {
  readonly job: FullJob;
  /** Not given where the viewer may not. */
  readonly onKeep?: (() => void) | undefined;
}) {
  const { assets } = job;
  return (
    <div className="outputs">
      {assets.map((asset, index) => (
        <figure key={asset.path}>
          <Seen {...{ job, asset }} n={index} />
          <figcaption>
            <span className="row">
              <SaveLink {...{ job, asset }} n={index} />
              {!isZoomable({ asset }) && (
                <OpenLink className="button" picture={toKey(job.id, index)}>
                  Open large
                </OpenLink>
              )}
              <span className="faint" title={asset.path}>
                {factsOf(asset)}
              </span>
            </span>
            <KeepLine asset={asset} onKeep={onKeep} />
          </figcaption>
        </figure>
      ))}
    </div>
  );
}

/** Stands where the output will be, with what there is to say until then. */
export function OutputToCome({
  input,
  children,
}: {
  readonly input: unknown;
  readonly children: ReactNode;
}) {
  return (
    <div className="outputs">
      <div className="frame waiting" style={{ aspectRatio: shapeOf(null, input) }}>
        {children}
      </div>
    </div>
  );
}

function Seen(output: { readonly job: FullJob; readonly asset: Asset; readonly n: number }) {
  const { job, asset, n } = output;
  const [broken, setBroken] = useState("");
  const url = urlOf(asset);
  const isGone = asset.keptUrl === null && isPast(asset.expiresAt);
  const picture = <Picture asset={asset} alt={describe(output)} />;
  if (asset.kind === "AUDIO" || asset.kind === "OTHER") return picture;
  return (
    <div
      className="frame"
      style={{ aspectRatio: shapeOf(asset, job.input) }}
      onErrorCapture={() => setBroken(url)}
    >
      {isGone || broken === url ? (
        <p className="faint">
          {isGone ? "RunComfy has deleted this file." : "This file can't be shown here."}
        </p>
      ) : isZoomable({ asset }) ? (
        <OpenLink picture={toKey(job.id, n)}>{picture}</OpenLink>
      ) : (
        picture
      )}
    </div>
  );
}

/** As CSS has it: of the file where its size is known, and else as the input asked for. */
function shapeOf(asset: Asset | null, input: unknown): string {
  const size = sizeOf(input, asset);
  return size ? `${size.width} / ${size.height}` : "1 / 1";
}

function factsOf({ contentType, bytes, width, height }: Asset): string {
  const size = width && height ? `${width} × ${height}` : null;
  return [size, bytes === null ? null : formatBytes(bytes), contentType]
    .filter((fact) => fact !== null)
    .join(" · ");
}

/** `412 KB`, `1.3 MB` */
function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1_000)} KB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function isPast(at: string | null): boolean {
  return at !== null && Date.parse(at) <= Date.now();
}
