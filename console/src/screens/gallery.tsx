import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "wouter";

import { readAddress } from "../gallery/address";
import { GalleryBar } from "../gallery/bar";
import { createAskAgain } from "../gallery/ask-again";
import { Grid } from "../gallery/grid";
import { pick } from "../gallery/layout";
import { SelectionBar } from "../gallery/selection-bar";
import { useSize } from "../gallery/size";
import { Empty, Loading, Older, Waiting } from "../gallery/states";
import { useJobList } from "../jobs/use-job-list";
import { useSelection } from "../jobs/use-selection";
import { readOpened } from "../lightbox/address";
import { Opened } from "../lightbox/opened";
import { picturesOf, type Shown } from "../lightbox/pictures";
import { useSeen } from "../parts/use-seen";
import { useTitle } from "../parts/use-title";
import { useSession } from "../session";
import { useStore } from "../store";
import "./gallery.css";

/** How many jobs that made no pictures are gone through before one has to ask for more. */
const PATIENCE = 1_000;

/** What all jobs made, newest first. */
export function Gallery() {
  useTitle("Gallery");
  const [search] = useSearchParams();
  const { filter } = readAddress(search);
  const { open } = readOpened(search);
  const session = useSession();
  const list = useJobList("gallery", filter);
  const state = useStore(list.state);
  const { rows, total, hasMore, searchedTo, error } = state;
  const pictures = useMemo(() => rows.flatMap(picturesOf), [rows]);
  const picked = useMemo(() => pick(pictures), [pictures]);
  const selection = useSelection(list, rows);
  const [size, setSize] = useSize();
  const deferredSize = useDeferredValue(size);
  const places = useMemo(() => new Map(rows.map(({ id }, index) => [id, index])), [rows]);
  const askAgain = useMemo(() => createAskAgain(session, list), [session, list]);

  const top = useRef<HTMLDivElement>(null);
  const [isAtTop, setIsAtTop] = useState(true);
  useSeen(top, "0px", setIsAtTop);
  const isBare = pictures.length === 0;
  const [askedAt, setAskedAt] = useState(0);
  const pictured = places.get(pictures.at(-1)?.job.id ?? "") ?? 0;
  // A list that is shorter than when one asked has begun anew.
  const since = Math.max(pictured, askedAt > rows.length ? 0 : askedAt);
  const isTired = hasMore && rows.length - since >= PATIENCE;
  const onSee = useCallback(
    (firstSeen: Shown, lastSeen: Shown, isEnd: boolean) => {
      const first = places.get(firstSeen.job.id) ?? 0;
      // Behind the last picture there may be jobs that made none.
      const last = isEnd && !isTired ? rows.length : (places.get(lastSeen.job.id) ?? 0);
      list.setViewport({ first, last, isAtTop });
    },
    [list, places, rows, isTired, isAtTop],
  );
  useEffect(() => {
    if (isBare) list.setViewport({ first: 0, last: isTired ? 0 : rows.length, isAtTop: true });
  }, [list, isBare, isTired, rows]);

  return (
    <>
      <div ref={top} />
      <GalleryBar {...{ total, size }} onSize={setSize} />
      <Waiting
        count={state.news}
        onShow={() => {
          list.update();
          scrollTo({ top: 0 });
        }}
      />
      {!isBare && (
        <Grid
          pictures={picked}
          size={deferredSize}
          current={open && open.jobId}
          selected={selection.ids}
          onSelect={selection.toggle}
          onSee={onSee}
          onBroken={askAgain}
        />
      )}
      {isBare &&
        error === null &&
        !isTired &&
        searchedTo === null &&
        (hasMore || total === undefined) && <Loading />}
      {isBare && !hasMore && total !== undefined && <Empty filter={filter} />}
      <Older
        {...{ error, hasMore, searchedTo, isBare }}
        onRetry={() => list.retry()}
        onGoOn={() => list.goOn()}
        onFurther={isTired ? () => setAskedAt(rows.length) : null}
      />
      <SelectionBar selection={selection} />
      <Opened
        {...{ pictures, filter }}
        isListed={total !== undefined || error !== null}
        onBroken={askAgain}
      />
    </>
  );
}
