import { useCallback, useEffect, useMemo, useRef } from "react";
import { useClient } from "urql";
import { useSearchParams } from "wouter";

import type { JobRowFragment } from "../gql/graphql";
import { useChanges } from "../live";
import { promptOf } from "../parts/prompt";
import { useStore } from "../store";
import { readAddress, withOpen } from "../gallery/address";
import { GalleryBar } from "../gallery/bar";
import { createFeed } from "../gallery/feed";
import { Grid } from "../gallery/grid";
import { Opened } from "../gallery/opened";
import { picturesOf, type Shown } from "../gallery/pictures";
import { Empty, Loading, Older, Waiting } from "../gallery/states";
import { useSeen } from "../parts/use-seen";
import "./gallery.css";

/** What all jobs made, newest first. */
export function Gallery() {
  const [search] = useSearchParams();
  const { deploymentId, text, open } = readAddress(search);
  const client = useClient();
  const feed = useMemo(() => createFeed(client, deploymentId), [client, deploymentId]);
  const state = useStore(feed.state);
  useEffect(() => void feed.more(), [feed]);
  useChanges(feed.hear);

  const waiting = usePictures(state.waiting);
  const arrived = usePictures(state.arrived);
  const listed = usePictures(state.listed);
  const wanted = text.trim().toLowerCase();
  const arrivedFound = useFound(arrived, wanted);
  const listedFound = useFound(listed, wanted);
  const waitingFound = useFound(waiting, wanted);
  const found = useMemo(() => [...arrivedFound, ...listedFound], [arrivedFound, listedFound]);

  const isSearched = wanted !== "";
  const isBegun = state.arrived.length + state.listed.length > 0 || !state.hasMore;
  const canGoOn = state.hasMore && !state.isLoading && state.problem === null && !isSearched;
  const top = useRef<HTMLDivElement>(null);
  const end = useRef<HTMLDivElement>(null);
  const onTop = useCallback((isSeen: boolean) => feed.setAtTop(isSeen), [feed]);
  const onEnd = useCallback(
    (isSeen: boolean) => {
      if (isSeen && canGoOn) void feed.more();
    },
    [feed, canGoOn],
  );
  useSeen(top, "0px", onTop);
  useSeen(end, "1200px", onEnd);

  return (
    <>
      <div ref={top} />
      <GalleryBar
        loaded={arrived.length + listed.length}
        found={found.length}
        hasMore={state.hasMore}
      />
      <Waiting
        count={waitingFound.length}
        onShow={() => {
          feed.setAtTop(true);
          scrollTo({ top: 0 });
        }}
      />
      {found.length > 0 && (
        <Grid
          arrived={arrivedFound}
          listed={listedFound}
          current={open?.key ?? null}
          toAddress={(picture) => `/gallery?${withOpen(search, picture)}`}
          onBroken={(id) => void feed.askAgain(id)}
        />
      )}
      {!isBegun && found.length === 0 && state.problem === null && <Loading />}
      {isBegun && !state.hasMore && arrived.length + listed.length === 0 && (
        <Empty deploymentId={deploymentId} />
      )}
      <Older
        state={state}
        isSearched={isSearched}
        isFound={found.length > 0}
        onMore={() => void feed.more()}
      />
      <div ref={end} />
      {open && (
        <Opened
          feed={feed}
          pictures={found}
          jobId={open.jobId}
          n={open.n}
          deploymentId={deploymentId}
          isListed={isBegun || state.problem !== null}
          canGoOn={canGoOn}
        />
      )}
    </>
  );
}

function usePictures(jobs: readonly JobRowFragment[]): readonly Shown[] {
  return useMemo(() => jobs.flatMap(picturesOf), [jobs]);
}

function useFound(pictures: readonly Shown[], wanted: string): readonly Shown[] {
  return useMemo(
    () =>
      wanted === ""
        ? pictures
        : pictures.filter(({ job }) => promptOf(job).toLowerCase().includes(wanted)),
    [pictures, wanted],
  );
}
