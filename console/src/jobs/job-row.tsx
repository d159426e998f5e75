import { memo, type ReactNode, useEffect, useState } from "react";
import { Link } from "wouter";

import type { JobRowFragment } from "../gql";
import { urlOf } from "../model/asset";
import { tellJobCost } from "../model/costs";
import { promptOf } from "../model/prompt";
import { formatSeconds } from "../model/words";
import { Picture, SIGNS } from "../ui/picture";
import { Status } from "../ui/status";
import { Ago, Elapsed } from "../ui/time";
import "../actions/labels.css";

type RowProps = {
  readonly job: JobRowFragment;
  readonly index: number;
  /** Where the row stands, in pixels from the first. */
  readonly top: number;
  readonly isSelected: boolean;
  /** Whether it is the one that Tab reaches. */
  readonly isCurrent: boolean;
  readonly isUnmatched: boolean;
  readonly hasOwner: boolean;
  readonly hasCost: boolean;
  readonly onSelect: (id: string, isRange: boolean) => void;
  readonly onFocus: (id: string) => void;
};

/** One job of the table; a card on a phone. */
export const JobRow = memo(function JobRow({ job, onSelect, onFocus, ...row }: RowProps) {
  const prompt = promptOf(job);
  const { id, isFinished, error, queueSeconds, runSeconds } = job;
  return (
    <div
      role="row"
      aria-rowindex={row.index + 2}
      aria-selected={row.isSelected}
      className={row.isUnmatched ? "jobs-row jobs-unmatched" : "jobs-row"}
      style={{ transform: `translateY(${row.top}px)` }}
      tabIndex={row.isCurrent ? 0 : -1}
      data-id={id}
      onFocus={() => onFocus(id)}
    >
      <span role="gridcell">
        <label className="jobs-pick">
          <input
            type="checkbox"
            tabIndex={-1}
            checked={row.isSelected}
            aria-label="Select this job"
            onClick={({ currentTarget, shiftKey }) => {
              // In a range it stays as it is, and a row that does not change is not drawn.
              currentTarget.checked ||= shiftKey;
              onSelect(id, shiftKey);
            }}
          />
        </label>
      </span>
      <span role="gridcell">
        <Thumbnail job={job} />
      </span>
      <span role="gridcell" className="jobs-prompt">
        {/* It covers the row, so that the row is a link. */}
        <Link
          href={`/jobs/${id}`}
          tabIndex={-1}
          title={prompt}
          dir="auto"
          className="cut"
          data-opens={id}
        >
          {prompt === "" ? "No prompt" : prompt}
        </Link>
        <span className="cut">
          {job.isStarred && <span role="img" aria-label="Starred" className="star" />}
          {job.tags.map((tag) => (
            <span key={tag} className="chip">
              <bdi>{tag}</bdi>
            </span>
          ))}
          {error !== null && (
            <span className="issue small" title={error.message}>
              {error.message}
            </span>
          )}
        </span>
      </span>
      <span role="gridcell" className="cut">
        {job.deployment.name}
      </span>
      {row.hasOwner && (
        <span role="gridcell" className="cut jobs-wide" title={job.ownerId}>
          {job.ownerId}
        </span>
      )}
      <span role="gridcell" className="cut">
        <Status job={job} />
      </span>
      <span role="gridcell" className="hint jobs-wide">
        {took(queueSeconds, isFinished ? null : job.sentAt)}
      </span>
      <span role="gridcell" className="hint jobs-ran">
        {took(runSeconds, isFinished ? null : job.startedAt)}
      </span>
      {row.hasCost && (
        <span role="gridcell" className="hint cut jobs-wide" title={tellJobCost(job)}>
          {tellJobCost(job)}
        </span>
      )}
      <span role="gridcell" className="hint">
        <Ago at={job.createdAt} />
      </span>
    </div>
  );
});

/** How long something took, or has gone on; nothing where that is not known. */
function took(seconds: number | null, since: string | null): ReactNode {
  if (seconds !== null) return formatSeconds(seconds);
  return since !== null && <Elapsed since={since}>…</Elapsed>;
}

/** What is scrolled past faster is not worth fetching and decoding. */
const REST_MS = 120;

/** The first of a job's outputs that can be seen, small, in a box whose size never changes. */
function Thumbnail({ job: { assets } }: { readonly job: JobRowFragment }) {
  const [broken, setBroken] = useState("");
  const [hasRested, setHasRested] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setHasRested(true), REST_MS);
    return () => clearTimeout(timer);
  }, []);
  const asset = assets.find(({ kind }) => kind === "IMAGE" || kind === "VIDEO") ?? assets[0];
  if (asset === undefined) return <span className="thumbnail" />;
  const url = urlOf(asset, true);
  return (
    <span className="thumbnail" onErrorCapture={() => setBroken(url)}>
      {broken === url && <span aria-hidden>{SIGNS[asset.kind]}</span>}
      {broken !== url && hasRested && <Picture asset={asset} alt="" isSmall />}
      {assets.length > 1 && <span className="jobs-more">{assets.length}</span>}
    </span>
  );
}
