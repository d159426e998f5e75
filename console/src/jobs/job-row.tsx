import { memo, type CSSProperties } from "react";
import { Link } from "wouter";

import type { JobRowFragment } from "../gql";
import { promptOf } from "../parts/prompt";
import { Status } from "../parts/status";
import { Ago, Elapsed, formatSeconds } from "../parts/time";
import { Thumbnail } from "./thumbnail";
import "../labels/labels.css";

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
  readonly onSelect: (id: string, isRange: boolean) => void;
  readonly onFocus: (id: string) => void;
};

/** One job of the table; a card on a phone. */
export const JobRow = memo(function JobRow({
  job,
  index,
  top,
  hasOwner,
  onSelect,
  onFocus,
  ...is
}: RowProps) {
  const style: CSSProperties = { transform: `translateY(${top}px)` };
  const prompt = promptOf(job);
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={is.isSelected}
      className={is.isUnmatched ? "jobs-row jobs-unmatched" : "jobs-row"}
      style={style}
      tabIndex={is.isCurrent ? 0 : -1}
      data-id={job.id}
      onFocus={() => onFocus(job.id)}
    >
      <span role="gridcell" className="jobs-pick">
        <label>
          <input
            type="checkbox"
            tabIndex={-1}
            checked={is.isSelected}
            aria-label="Select this job"
            onChange={({ nativeEvent }) =>
              onSelect(job.id, nativeEvent instanceof MouseEvent && nativeEvent.shiftKey)
            }
          />
        </label>
      </span>
      <span role="gridcell" className="jobs-picture">
        <Thumbnail job={job} />
      </span>
      <span role="gridcell" className="jobs-deployment">
        {job.deployment.name}
      </span>
      <span role="gridcell" className="jobs-prompt">
        {/* It covers the row, so that the row is a link. */}
        <Link href={`/jobs/${job.id}`} tabIndex={-1} title={prompt} dir="auto">
          {prompt === "" ? "No prompt" : prompt}
        </Link>
        <span>
          {job.isStarred && <span role="img" aria-label="Starred" className="star" />}
          {job.tags.map((tag) => (
            <span key={tag} className="chip">
              {tag}
            </span>
          ))}
          {job.error !== null && (
            <span className="issue" title={job.error.message}>
              {job.error.message}
            </span>
          )}
        </span>
      </span>
      {hasOwner && (
        <span role="gridcell" className="jobs-owner" title={job.ownerId}>
          {job.ownerId}
        </span>
      )}
      <span role="gridcell" className="jobs-state">
        <Status job={job} />
      </span>
      <Took
        before="waited "
        since={job.queueSeconds === null && !job.isFinished ? job.createdAt : null}
        seconds={job.queueSeconds}
      />
      <Took before="ran " since={job.isFinished ? null : job.startedAt} seconds={job.runSeconds} />
      <span role="gridcell" className="jobs-when">
        <Ago at={job.createdAt} />
      </span>
    </div>
  );
});

/** How long something took, or has gone on. */
function Took({
  before,
  since,
  seconds,
}: {
  /** What a phone says before it, which has no headings. */
  readonly before: string;
  readonly since: string | null;
  readonly seconds: number | null;
}) {
  const isKnown = since !== null || seconds !== null;
  return (
    <span
      role="gridcell"
      className={isKnown ? "jobs-took" : "jobs-took jobs-unknown"}
      data-before={before}
    >
      {since === null ? formatSeconds(seconds) : <Elapsed since={since}>…</Elapsed>}
    </span>
  );
}
