import { memo, type CSSProperties } from "react";
import { Link } from "wouter";

import type { JobRowFragment } from "../gql";
import { promptOf } from "../parts/prompt";
import { Status } from "../parts/status";
import { Ago, Elapsed, formatSeconds } from "../parts/time";
import { Thumbnail } from "./thumbnail";

type RowProps = {
  readonly job: JobRowFragment;
  readonly index: number;
  /** Where the row stands, in pixels from the first. */
  readonly top: number;
  readonly isSelected: boolean;
  /** Whether it is the one that Tab reaches. */
  readonly isCurrent: boolean;
  readonly isUnmatched: boolean;
  readonly onOpen: (id: string) => void;
  readonly onSelect: (id: string, isRange: boolean) => void;
  readonly onFocus: (id: string) => void;
};

/** One job of the table; a card on a phone. */
export const JobRow = memo(function JobRow({
  job,
  index,
  top,
  onOpen,
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
      className={is.isUnmatched ? "job unmatched" : "job"}
      style={style}
      tabIndex={is.isCurrent ? 0 : -1}
      data-id={job.id}
      onFocus={() => onFocus(job.id)}
      onClick={({ target }) => {
        const isOther = target instanceof Element && target.closest("a, label") !== null;
        if (!isOther && getSelection()?.type !== "Range") onOpen(job.id);
      }}
    >
      <span role="gridcell" className="pick">
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
      <span role="gridcell" className="picture">
        <Thumbnail job={job} />
      </span>
      <span role="gridcell" className="deployment">
        {job.deployment.name}
      </span>
      <span role="gridcell" className="prompt">
        <Link href={`/jobs/${job.id}`} tabIndex={-1} title={prompt} dir="auto">
          {prompt === "" ? "no prompt" : prompt}
        </Link>
      </span>
      <span role="gridcell" className="state" title={job.error?.message}>
        <Status job={job} />
      </span>
      <span
        role="gridcell"
        className={job.queueSeconds === null && job.isFinished ? "queued not-yet" : "queued"}
      >
        <Queued job={job} />
      </span>
      <span role="gridcell" className={isRunKnown(job) ? "ran" : "ran not-yet"}>
        <Ran job={job} />
      </span>
      <span role="gridcell" className="when">
        <Ago at={job.createdAt} />
      </span>
    </div>
  );
});

function isRunKnown({ startedAt, runSeconds }: JobRowFragment): boolean {
  return startedAt !== null || runSeconds !== null;
}

function Queued({ job }: { readonly job: JobRowFragment }) {
  if (job.queueSeconds === null && !job.isFinished)
    return <Elapsed since={job.createdAt}>…</Elapsed>;
  return formatSeconds(job.queueSeconds);
}

function Ran({ job }: { readonly job: JobRowFragment }) {
  if (job.startedAt !== null && !job.isFinished) return <Elapsed since={job.startedAt}>…</Elapsed>;
  return formatSeconds(job.runSeconds);
}
