import { Toolbar } from "../actions/toolbar";
import { Framed } from "../lightbox/media";
import { OpenLink } from "../lightbox/open-link";
import { filesOf, isZoomable } from "../model/pictures";
import { clock, useStore } from "../session/store";
import { Ago } from "../ui/time";
import type { FullJob } from "./use-job";

type Asset = FullJob["assets"][number];

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
      {filesOf(job).map((output) => {
        const { asset } = output;
        return (
          <figure key={asset.path} className="stack">
            <Framed picture={output} />
            <figcaption className="stack tight">
              <span className="row">
                {job.assets.length > 1 && <Toolbar job={job} picture={output} isOfPicture />}
                {!isZoomable(output) && (
                  <OpenLink className="button" picture={output.key}>
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
