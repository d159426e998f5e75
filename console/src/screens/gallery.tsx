import { useEffect, useMemo, useState } from "react";
import { createItem } from "runcomfy-graphql-client";
import { type JobListState, MAX_NEWS } from "runcomfy-graphql-client/live-list";
import { Link, useSearchParams } from "wouter";

import { useSelection } from "../actions/use-selection";
import { GalleryBar, readAddress } from "../gallery/bar";
import { Grid } from "../gallery/grid";
import { pick } from "../gallery/layout";
import { SelectionBar } from "../gallery/selection-bar";
import type { JobFilter } from "../gql";
import { Opened } from "../lightbox/opened";
import { picturesOf, toJobId } from "../model/pictures";
import type { JobList, Row } from "../session/job-list";
import { useStore } from "../session/store";
import { toFormPath } from "../session/use-hand-over";
import { useJobList } from "../session/use-job-list";
import { useViewer } from "../session/viewer";
import { Problem } from "../ui/problem";
import { toDay } from "../ui/time";
import { useTitle } from "../ui/use-title";
import "./gallery.css";

/** How many jobs that made no pictures are gone through before one has to ask for more. */
const PATIENCE = 1_000;
/** How high pictures are at most in the grid, in pixels. */
const kept = createItem("size of pictures");

/** What all jobs made, newest first. */
export function Gallery() {
  useTitle("Gallery");
  const [search] = useSearchParams();
  const { filter } = readAddress(search);
  const list = useJobList("gallery", filter);
  const state = useStore(list);
  const { jobs: rows, totalCount: total, news, hasMore } = state;
  const pictures = useMemo(() => rows.flatMap(picturesOf), [rows]);
  const picked = useMemo(() => pick(rows), [rows]);
  const selection = useSelection(list, rows);
  const [size, setSize] = useState(() => Number(kept.get() ?? (innerWidth < 640 ? 160 : 240)));
  useEffect(() => kept.set(String(size)), [size]);
  const [askedAt, setAskedAt] = useState(0);
  const lastAt = picked.at(-1)?.at ?? 0;
  const isTired = hasMore && rows.length - Math.max(lastAt, askedAt) >= PATIENCE;
  const open = search.get("open");

  return (
    <>
      <GalleryBar {...{ total, size }} onSize={setSize} />
      <div className="gallery-waiting" role="status">
        {news > 0 && (
          <button
            className="primary floating"
            onClick={() => {
              list.update();
              scrollTo({ top: 0 });
            }}
          >
            {news > MAX_NEWS ? `More than ${MAX_NEWS}` : news} new
          </button>
        )}
      </div>
      <Grid
        {...{ list, selection, size }}
        pictures={picked}
        end={isTired ? lastAt : rows.length}
        current={open && toJobId(open)}
      />
      <End
        {...{ list, state, filter }}
        isBare={picked.length === 0}
        onFurther={isTired ? () => setAskedAt(rows.length) : null}
      />
      <SelectionBar selection={selection} />
      <Opened {...{ pictures, filter }} />
    </>
  );
}

/** How the list goes on, or that it doesn't. */
function End({
  list,
  state: { error, hasMore, searchedTo, totalCount: total },
  filter,
  isBare,
  onFurther,
}: {
  readonly list: JobList;
  readonly state: JobListState<Row>;
  readonly filter: JobFilter;
  /** Whether there is nothing above. */
  readonly isBare: boolean;
  /** Null while older ones are fetched unasked. */
  readonly onFurther: (() => void) | null;
}) {
  if (error !== null) return <Problem text={error.message} onRetry={list.reload} />;
  if (isBare && !hasMore && total !== undefined) return <Empty filter={filter} />;
  const isStopped = searchedTo !== null;
  const further = isStopped ? list.loadMore : onFurther;
  return (
    <div className="empty stack gallery-end">
      <p role="status">
        {isStopped && `Searched back to ${toDay(searchedTo)}.`}
        {!isStopped && onFurther !== null && "Many jobs in a row made no pictures."}
        {further === null && (hasMore || isBare ? "Fetching pictures…" : "No more pictures")}
      </p>
      {further !== null && (
        <button onClick={further}>{isStopped ? "Go on" : "Look further back"}</button>
      )}
    </div>
  );
}

/** Says how to make the first picture, if the viewer may. */
function Empty({ filter: { deploymentId, text, tag, isStarred } }: { readonly filter: JobFilter }) {
  const viewer = useViewer();
  if (text || tag || isStarred)
    return <p className="empty">No pictures fit. Search for less, or clear a filter.</p>;
  return (
    <div className="empty stack">
      <p>
        {deploymentId ? "This deployment has made no pictures yet." : "No pictures yet."} What jobs
        make comes here by itself.
      </p>
      {viewer.may("jobs:submit") && (
        <p>
          <Link className="button primary" href={deploymentId ? toFormPath(deploymentId) : "/run"}>
            Make the first one
          </Link>
        </p>
      )}
    </div>
  );
}
