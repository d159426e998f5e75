import { useRef } from "react";
import { type JobListState, MAX_NEWS } from "runcomfy-graphql-client/live-list";
import { Link } from "wouter";

import { useActions } from "../actions/use-actions";
import { useSelection } from "../actions/use-selection";
import { FilterBar } from "../filters/filter-bar";
import { NoMatches } from "../filters/no-matches";
import { type Asked, useFilters } from "../filters/use-filters";
import { ActionBar } from "../jobs/action-bar";
import { JobTable } from "../jobs/job-table";
import { toJobFilter } from "../model/filters";
import { formatCount, toCountText, toDay } from "../model/words";
import type { JobList, Row } from "../session/job-list";
import { useStore } from "../session/store";
import { useJobList } from "../session/use-job-list";
import { useViewer } from "../session/viewer";
import { useTitle } from "../ui/use-title";
import "../jobs/jobs.css";

/** Every job, newest first, as it changes. */
export function Jobs() {
  useTitle("Jobs");
  const asked = useFilters("jobs");
  const list = useJobList("jobs", toJobFilter(asked.filters));
  return (
    <div className="stack jobs">
      <h1 className="unseen">Jobs</h1>
      <FilterBar {...asked} />
      <ListedJobs key={JSON.stringify(list.filter)} {...{ list, asked }} />
    </div>
  );
}

/** The table of a list, what can be done with its rows, and what there is to say of them. */
function ListedJobs({ list, asked }: { readonly list: JobList; readonly asked: Asked }) {
  const { hasOwners } = asked;
  const isFiltered = Object.keys(list.filter).length > 0;
  const state = useStore(list);
  const { jobs: rows, totalCount: total, hasMore, searchedTo, error } = state;
  const selection = useSelection(list, rows);
  const actions = useActions();
  const scroller = useRef<HTMLDivElement>(null);
  const allThatFit = useAllThatFit(list, total);
  const isAnySelected = selection.hasAll || selection.selected.length > 0;
  const isAllSelected = rows.length > 0 && selection.selected.length === rows.length;

  function update(): void {
    list.update();
    if (state.news > 0) scroller.current?.scrollTo({ top: 0 });
    // The button goes, and with it the focus.
    const row = state.news > 0 ? '[aria-rowindex="2"]' : '[tabindex="0"]';
    requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(row)?.focus({ preventScroll: true }),
    );
  }

  return (
    <>
      <div className="row jobs-tools">
        <input
          type="checkbox"
          aria-label={`Select all ${formatCount(rows.length)} loaded`}
          checked={isAllSelected}
          disabled={rows.length === 0}
          ref={(box) => {
            if (box) box.indeterminate = !isAllSelected && isAnySelected;
          }}
          onChange={() => (isAllSelected ? selection.clear() : selection.selectAll())}
        />
        {isAnySelected ? (
          <>
            <span role="status">
              {selection.hasAll ? "All that fit" : formatCount(selection.selected.length)} selected
            </span>
            {isAllSelected && hasMore && allThatFit !== null && !selection.hasAll && (
              <button onClick={selection.selectAllThatFit}>{allThatFit}</button>
            )}
            <button onClick={selection.clear}>Clear selection</button>
          </>
        ) : (
          <span className="hint">{countText(state, isFiltered)}</span>
        )}
        <ActionBar {...{ list, selection, actions }} />
      </div>
      <div className="jobs-stage">
        <JobTable
          {...{ scroller, list, rows, total, hasOwners, selection }}
          isMoreComing={(total === undefined || (hasMore && searchedTo === null)) && error === null}
        />
        {rows.length === 0 &&
          total !== undefined &&
          !hasMore &&
          (isFiltered ? (
            <NoMatches {...asked} />
          ) : (
            <p className="empty">
              No jobs yet. <Link href="/run">Run something</Link>, and it is listed here.
            </p>
          ))}
        <News state={state} onUpdate={update} />
        <div className="stack jobs-below">
          {searchedTo !== null && error === null && (
            <p role="status" className="row floating">
              Searched back to {toDay(searchedTo)}.
              <button onClick={() => list.loadMore()}>Go on</button>
            </p>
          )}
          {error !== null && (
            <p role="alert" className="row floating">
              {rows.length === 0 ? "The jobs could not be read. " : "More jobs could not be read. "}
              {error.message}
              <button onClick={() => list.reload()}>Try again</button>
            </p>
          )}
          <p role="status" className="row floating">
            {actions.said !== "" && (
              <>
                <span>{actions.said}</span>
                <button aria-label="Close this message" onClick={actions.forget}>
                  ✕
                </button>
              </>
            )}
          </p>
        </div>
      </div>
    </>
  );
}

/** What selects all jobs of a list, loaded or not; null where that is nothing to cancel or delete: only one's own can be. */
function useAllThatFit({ filter }: JobList, total: number | null | undefined) {
  const viewer = useViewer();
  const { ownerId, ...conditions } = filter;
  const mayReadAll = viewer.isSignedIn && viewer.may("jobs:read:all");
  const isOthers = ownerId != null && ownerId !== viewer.id;
  if (!viewer.may("jobs:cancel") || isOthers || Object.keys(conditions).length === 0) return null;
  if (mayReadAll && ownerId == null) return "Select all of yours that fit";
  return `Select all ${total == null ? "" : `${toCountText(total)} `}that fit`;
}

/** What would move the rows, and so waits until one wants it. */
function News({
  state: { news, unmatched },
  onUpdate,
}: {
  readonly state: JobListState<Row>;
  readonly onUpdate: () => void;
}) {
  if (news === 0 && unmatched === 0) return null;
  const count = news > MAX_NEWS ? `More than ${MAX_NEWS}` : news;
  const parts = [
    news > 0 && `↑ ${count} new job${news === 1 ? "" : "s"}`,
    unmatched > 0 && `Hide ${unmatched} that no longer fit${unmatched === 1 ? "s" : ""}`,
  ];
  return (
    <button className="primary jobs-news" onClick={onUpdate}>
      {parts.filter(Boolean).join(" · ")}
    </button>
  );
}

function countText(
  { jobs, totalCount: total, hasMore, error }: JobListState<Row>,
  isFiltered: boolean,
): string {
  if (total === undefined) return error === null ? "Reading…" : "Not read";
  if (total === null) return `${toCountText(jobs.length)} found${hasMore ? " so far" : ""}`;
  return isFiltered ? `${toCountText(total)} that fit` : toCountText(total);
}
