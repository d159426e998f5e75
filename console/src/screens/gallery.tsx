import { useEffect, useMemo, useState } from "react";
import { createItem } from "runcomfy-graphql-client";
import { MAX_NEWS } from "runcomfy-graphql-client/live-list";
import { useSearchParams } from "wouter";

import { useSelection } from "../actions/use-selection";
import { FilterBar } from "../filters/filter-bar";
import { useFilters } from "../filters/use-filters";
import { End, tellFound } from "../gallery/end";
import { Grid } from "../gallery/grid";
import { pick } from "../gallery/layout";
import { SelectionBar } from "../gallery/selection-bar";
import type { JobFilter } from "../gql";
import { Opened } from "../lightbox/opened";
import { toJobFilter } from "../model/filters";
import { picturesOf, toJobId } from "../model/pictures";
import { useStore } from "../session/store";
import { useJobList } from "../session/use-job-list";
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
  const asked = useFilters("gallery");
  const { media } = asked.filters;
  const filter: JobFilter = { ...toJobFilter(asked.filters), status: ["SUCCEEDED"] };
  const list = useJobList("gallery", filter);
  const state = useStore(list);
  const { jobs: rows, news, hasMore } = state;
  const pictures = useMemo(() => rows.flatMap((job) => picturesOf(job, media)), [rows, media]);
  const picked = useMemo(() => pick(rows, media), [rows, media]);
  // Only what is seen can be selected.
  const seen = useMemo(
    () => rows.filter((job) => picturesOf(job, media).length > 0),
    [rows, media],
  );
  const selection = useSelection(list, seen);
  const [size, setSize] = useState(() => Number(kept.get() ?? (innerWidth < 640 ? 160 : 240)));
  useEffect(() => kept.set(String(size)), [size]);
  const [askedAt, setAskedAt] = useState(0);
  const lastAt = picked.at(-1)?.at ?? 0;
  const isTired = hasMore && rows.length - Math.max(lastAt, askedAt) >= PATIENCE;
  const open = search.get("open");

  return (
    <>
      <h1 className="unseen">Gallery</h1>
      <FilterBar {...asked}>
        <p className="hint end" role="status">
          {tellFound(state, pictures.length, media)}
        </p>
        <label className="row hint">
          Size
          <input
            type="range"
            min={100}
            max={500}
            step={20}
            value={size}
            onChange={({ target }) => setSize(Number(target.value))}
          />
        </label>
      </FilterBar>
      <div className="gallery-waiting" role="status">
        {news > 0 && (
          <button
            className="primary floating"
            onClick={() => {
              list.update();
              scrollTo({ top: 0 });
            }}
          >
            {/* Not all of them need be of the kinds that are shown. */}
            {media.length > 0
              ? "New jobs"
              : `${news > MAX_NEWS ? `More than ${MAX_NEWS}` : news} new`}
          </button>
        )}
      </div>
      <Grid
        {...{ list, selection, size, media }}
        pictures={picked}
        end={isTired ? lastAt : rows.length}
        current={open && toJobId(open)}
      />
      <End
        // It begins anew below the first pictures, rather than being moved there.
        key={String(picked.length > 0)}
        {...{ list, state, asked }}
        isBare={picked.length === 0}
        onFurther={isTired ? () => setAskedAt(rows.length) : null}
      />
      <SelectionBar selection={selection} />
      <Opened {...{ pictures, filter, media }} />
    </>
  );
}
