import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Link, useSearchParams } from "wouter";

import { Toolbar } from "../actions/toolbar";
import type { Selection } from "../actions/use-selection";
import { Media } from "../lightbox/media";
import { OpenLink } from "../lightbox/open-link";
import { withParameters } from "../model/address";
import { dayBefore, type Media as Kinds } from "../model/filters";
import { describe } from "../model/pictures";
import { promptOf } from "../model/prompt";
import type { JobList } from "../session/job-list";
import { DayName } from "../ui/time";
import { createLayout, GAP, HEADING, type Picked, type Tile } from "./layout";

/** Every picture in its place, of which only those near the screen are in the page. */
export function Grid({
  list,
  pictures,
  media,
  end,
  size,
  current,
  selection,
}: {
  /** Is notified which of its jobs are near the screen. */
  readonly list: JobList;
  readonly pictures: readonly Picked[];
  readonly media: Kinds;
  /** Up to where in the list one sees at the end of the grid: behind the last picture there may be jobs that made none. */
  readonly end: number;
  /** How high rows are at most, in pixels. */
  readonly size: number;
  /** The job whose picture is open: the grid follows it, so that one comes back to where one is. */
  readonly current: string | null;
  readonly selection: Selection;
}) {
  const ul = useRef<HTMLUListElement>(null);
  const [search] = useSearchParams();
  const toAddress = (day: number): string => {
    const name = dayBefore(0, day);
    return `/gallery?${withParameters(search, { from: name, to: name, open: "", with: "" })}`;
  };
  const [{ width, top }, setPlace] = useState({ width: 0, top: 0 });
  useLayoutEffect(() => {
    const element = ul.current;
    if (element === null) return;
    const measure = (): void =>
      setPlace({ width: element.clientWidth, top: element.getBoundingClientRect().top + scrollY });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // Of other filters the first row begins anew.
  const layOut = useMemo(createLayout, [list, media]);
  const rows = useMemo(
    () => (width === 0 ? [] : layOut(pictures, width, size)),
    [layOut, pictures, width, size],
  );
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: (index) => rows[index]?.height ?? 0,
    getItemKey: (index) => rows[index]?.key ?? index,
    scrollMargin: top,
    overscan: 3,
  });
  useLayoutEffect(() => virtualizer.measure(), [virtualizer, rows]);

  const isLaidOut = width > 0;
  useLayoutEffect(() => {
    if (!isLaidOut) return undefined;
    scrollTo({ top: list.offset });
    return () => void (list.offset = scrollY);
  }, [list, isLaidOut]);

  const items = virtualizer.getVirtualItems();
  const first = rows[items.at(0)?.index ?? 0]?.tiles[0]?.at ?? 0;
  const lastRow = items.at(-1)?.index ?? 0;
  const last = lastRow < rows.length - 1 ? (rows[lastRow]?.tiles.at(-1)?.at ?? 0) : end;
  const isAtTop = (virtualizer.scrollOffset ?? 0) <= top;
  useEffect(() => {
    if (width > 0) list.setViewport({ first, last, isAtTop });
  }, [list, width, first, last, isAtTop]);

  const at = rows.findIndex(({ tiles }) => tiles.some(({ picture }) => picture.job.id === current));
  useEffect(() => {
    if (at >= 0) virtualizer.scrollToIndex(at, { align: "auto" });
  }, [virtualizer, at]);

  return (
    <ul
      ref={ul}
      className={selection.ids.size > 0 ? "gallery-grid gallery-selecting" : "gallery-grid"}
      style={{ height: virtualizer.getTotalSize() }}
      onClickCapture={selection.onClickCapture}
    >
      {items.flatMap(({ index, start }) => {
        const { height = 0, day = null, tiles = [] } = rows[index] ?? {};
        const [at, heading] = [start - top, day === null ? 0 : HEADING];
        const name: ReactNode = day !== null && (
          <li key={day} style={{ top: at }}>
            <h2>
              <Link href={toAddress(day)} title="Only this day">
                <DayName day={day} />
              </Link>
            </h2>
          </li>
        );
        return [name].concat(
          tiles.map((tile) => (
            <GridTile
              key={tile.picture.key}
              {...{ tile, selection }}
              top={at + heading}
              height={height - heading - GAP}
            />
          )),
        );
      })}
    </ul>
  );
}

function GridTile({
  tile: { picture, more, left, width },
  top,
  height,
  selection,
}: {
  readonly tile: Tile;
  readonly top: number;
  readonly height: number;
  readonly selection: Selection;
}) {
  const { key, job, asset } = picture;
  const parts = [describe(picture), more > 0 && `and ${more} more`, job.isStarred && "starred"];
  const name = parts.filter(Boolean).join(", ");
  return (
    <li
      className="tile gallery-tile"
      style={{ left, top, width, height }}
      onPointerEnter={play}
      onPointerLeave={pause}
      onFocus={play}
      onBlur={pause}
    >
      <OpenLink picture={key} aria-label={name} data-opens={job.id}>
        <Media picture={picture} isSmall />
        <span className="gallery-signs" aria-hidden="true">
          {asset.kind === "VIDEO" && "▶"}
          {job.isStarred && "★"}
        </span>
        {more > 0 && <span className="gallery-more">+{more}</span>}
        <span className="clamp small gallery-caption" aria-hidden="true" dir="auto">
          {promptOf(job) || job.deployment.name}
        </span>
      </OpenLink>
      <input
        type="checkbox"
        checked={selection.ids.has(job.id)}
        aria-label={`Select the job of ${name}`}
        onClick={({ shiftKey }) => selection.toggle(job.id, shiftKey)}
      />
      <Toolbar {...{ job, picture }} isShort />
    </li>
  );
}

type OnTile = { readonly currentTarget: Element };

function play({ currentTarget }: OnTile): void {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  // It may be refused or broken off, which is no loss.
  currentTarget
    .querySelector("video")
    ?.play()
    .catch(() => {});
}

function pause({ currentTarget }: OnTile): void {
  const video = currentTarget.querySelector("video");
  if (video === null) return;
  video.pause();
  video.currentTime = 0;
}
