import { useRef, useState } from "react";
import { Link } from "wouter";

import { toCountText } from "../parts/count";
import { toDay } from "../parts/time";
import { useStore } from "../store";
import { ActionBar } from "./action-bar";
import { type JobList, type JobListState, MAX_NEWS } from "./live-job-list";
import { JobTable } from "./job-table";
import { MatchingBar, useAllThatFit } from "./matching-bar";
import { useSelection } from "./use-selection";

/** The table of a list, what can be done with its rows, and what there is to say of them. */
export function ListedJobs({
  list,
  isFiltered,
}: {
  readonly list: JobList;
  readonly isFiltered: boolean;
}) {
  const state = useStore(list.state);
  const { rows, total, hasMore, searchedTo, error } = state;
  const selection = useSelection(list, rows);
  const [told, setTold] = useState("");
  const scroller = useRef<HTMLDivElement>(null);
  const allThatFit = useAllThatFit(list, total);
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
      <div className="tools">
        <label className="check">
          <input
            type="checkbox"
            checked={isAllSelected}
            disabled={rows.length === 0}
            ref={(box) => {
              if (box) box.indeterminate = !isAllSelected && selection.selected.length > 0;
            }}
            onChange={() => (isAllSelected ? selection.clear() : selection.selectAll())}
          />
          <span>
            {selection.selected.length > 0
              ? `${selection.hasAll ? "All that fit" : format(selection.selected.length)} selected`
              : `All${rows.length === 0 ? "" : ` ${format(rows.length)}`} loaded`}
          </span>
        </label>
        <span className="count">{countText(state, isFiltered)}</span>
        {selection.hasAll ? (
          <MatchingBar list={list} onTell={setTold} onOver={selection.clear} />
        ) : (
          <>
            {isAllSelected && hasMore && allThatFit !== null && (
              <button onClick={selection.selectAllThatFit}>{allThatFit}</button>
            )}
            <ActionBar selection={selection} onTell={setTold} />
          </>
        )}
      </div>
      <div className="stage">
        <JobTable
          scroller={scroller}
          list={list}
          rows={rows}
          total={total}
          isMoreComing={(total === undefined || (hasMore && searchedTo === null)) && error === null}
          selection={selection}
        />
        {rows.length === 0 && total !== undefined && !hasMore && (
          <p className="empty">{emptyText(isFiltered)}</p>
        )}
        <News state={state} onUpdate={update} />
        <div className="below">
          {searchedTo !== null && error === null && (
            <p role="status" className="told">
              <span>Searched back to {toDay(searchedTo)}.</span>
              <button onClick={() => list.goOn()}>Go on</button>
            </p>
          )}
          {error !== null && (
            <p role="alert" className="told">
              <span>
                {rows.length === 0
                  ? "The jobs could not be read. "
                  : "More jobs could not be read. "}
                {error.message}
              </span>
              <button onClick={() => list.retry()}>Try again</button>
            </p>
          )}
          <p role="status" className="told">
            {told !== "" && (
              <>
                <span>{told}</span>
                <button aria-label="Close this message" onClick={() => setTold("")}>
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

/** What would move the rows, and so waits until one wants it. */
function News({
  state: { news, unmatched },
  onUpdate,
}: {
  readonly state: JobListState;
  readonly onUpdate: () => void;
}) {
  if (news === 0 && unmatched === 0) return null;
  const count = news > MAX_NEWS ? `More than ${MAX_NEWS}` : String(news);
  const parts = [
    ...(news > 0 ? [`↑ ${count} new job${news === 1 ? "" : "s"}`] : []),
    ...(unmatched > 0 ? [`hide ${unmatched} that no longer fit${unmatched === 1 ? "s" : ""}`] : []),
  ];
  return (
    <button className="news" onClick={onUpdate}>
      {parts.join(", ")}
    </button>
  );
}

function countText({ rows, total, hasMore, error }: JobListState, isFiltered: boolean): string {
  if (total === undefined) return error === null ? "Reading…" : "Not read";
  if (total === null) return `${toCountText(rows.length)} found${hasMore ? " so far" : ""}`;
  return isFiltered ? `${toCountText(total)} that fit` : toCountText(total);
}

function emptyText(isFiltered: boolean) {
  if (isFiltered) return "No job fits. Search for less, or clear a filter.";
  return (
    <>
      There are no jobs yet. <Link href="/run">Run something</Link>, and it is listed here.
    </>
  );
}

function format(count: number): string {
  return count.toLocaleString();
}
