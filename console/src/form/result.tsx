import { useState } from "react";

import { Held } from "../actions/held";
import { Toolbar } from "../actions/toolbar";
import { Before, useBefore } from "../lightbox/before";
import { Framed } from "../lightbox/media";
import { OpenLink } from "../lightbox/open-link";
import { ratioOf, urlOf } from "../model/asset";
import { describe, filesOf, isZoomable, type Shown } from "../model/pictures";
import { isRisky } from "../model/words";
import { useFields } from "../session/use-fields";
import { NEW_JOB } from "../ui/confirm";
import { Progress } from "./progress";
import type { WatchedJob } from "./use-recent-job";

type Props = { readonly job: WatchedJob };

/** A job's result, in a place that is as large while it runs as its pictures will be. */
export function Result({ job }: Props) {
  if (job.assets.length === 0) return <Place job={job} />;
  return (
    <div className="stack run-outputs">
      {filesOf(job).map((picture) => (
        <Output key={picture.key} picture={picture} />
      ))}
    </div>
  );
}

/** Where files are to come: how far they are, or why there are none and what can be done about it. */
export function Place({ job }: Props) {
  const { status, error, cost } = job;
  const fields = useFields(job.deployment.id);
  const isHeld = status === "HELD";
  const isToCome = !isHeld && !job.isFinished && !job.isPaused;
  const aspectRatio = isToCome ? ratioOf(job.input, fields) : undefined;
  return (
    <figure className="frame run-frame" style={{ aspectRatio }}>
      {isToCome ? (
        <Progress job={job} />
      ) : isHeld ? (
        <Held job={job} />
      ) : error ? (
        <div className="stack run-words" role="alert">
          <h2>It failed</h2>
          <p>{error.message}</p>
          <p className="hint">
            {error.retryable
              ? `You can run it again, as it is or with changes. It is ${NEW_JOB}. `
              : isRisky(job) &&
                "Don't run it again before that is cleared up: it could be paid for twice. "}
            For support: {error.code}
          </p>
        </div>
      ) : (
        <p className="run-words">
          {job.isPaused
            ? PAUSED
            : status !== "CANCELLED"
              ? EMPTY
              : cost.usd === 0
                ? FREE
                : CANCELLED}
        </p>
      )}
    </figure>
  );
}

const PAUSED =
  "It waits for the RunComfy account, or the sandbox, that it was sent to: the gateway uses another one now. It goes on when the gateway is started with that one again.";
const CANCELLED = "It was cancelled before it ran.";
const FREE = "It was cancelled before it ran, and cost nothing.";
const EMPTY = "It has no files, but an output as JSON.";

function Output({ picture }: { readonly picture: Shown }) {
  const { key, job, asset } = picture;
  const fields = useFields(job.deployment.id);
  const before = useBefore(picture);
  /** Null while they are not compared. */
  const [part, setPart] = useState<number | null>(null);
  const isCompared = before !== "" && part !== null;
  return (
    <figure className="stack">
      {isCompared ? (
        <div className="frame run-frame" style={{ aspectRatio: ratioOf(job.input, fields, asset) }}>
          <img src={urlOf(asset)} alt={describe(picture)} />
          <Before url={before} part={part} onPart={setPart} />
        </div>
      ) : (
        <Framed picture={picture} />
      )}
      <figcaption className="row hint">
        {asset.width !== null && asset.height !== null && `${asset.width} × ${asset.height}`}
        {!isZoomable(picture) && <OpenLink picture={key}>Open large</OpenLink>}
        {before !== "" && (
          <button
            type="button"
            aria-pressed={isCompared}
            onClick={() => setPart(isCompared ? null : 50)}
          >
            Before and after
          </button>
        )}
        {job.assets.length > 1 && <Toolbar {...{ job, picture }} isOfPicture />}
      </figcaption>
    </figure>
  );
}
