import { useWindowVirtualizer } from "@tanstack/react-virtual";
import {
  type FocusEvent,
  type PointerEvent,
  type ReactNode,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { Media } from "../lightbox/media";
import { OpenLink } from "../lightbox/open-link";
import { describe, type Shown } from "../lightbox/pictures";
import { promptOf } from "../parts/prompt";
import { DayName } from "../parts/time";
import { createLayout, GAP, HEADING, type Picked, type Tile } from "./layout";

/** Every picture in its place, of which only those near the screen are in the page. */
export function Grid({
  pictures,
  size,
  current,
  selected,
  onSelect,
  onSee,
  onBroken,
}: {
  readonly pictures: readonly Picked[];
  /** How high rows are at most, in pixels. */
  readonly size: number;
  /** The job whose picture is open: the grid follows it, so that one comes back to where one is. */
  readonly current: string | null;
  /** The ids of the jobs that are selected. */
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (jobId: string, isRange: boolean) => void;
  /** Hears which pictures are near the screen, and whether the last of all is among them. */
  readonly onSee: (first: Shown, last: Shown, isEnd: boolean) => void;
  readonly onBroken: (jobId: string) => void;
}) {
  const list = useRef<HTMLUListElement>(null);
  const [{ width, top }, setPlace] = useState({ width: 0, top: 0 });
  useLayoutEffect(() => {
    const element = list.current;
    if (element === null) return;
    const measure = (): void =>
      setPlace({ width: element.clientWidth, top: element.getBoundingClientRect().top + scrollY });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const [layOut] = useState(createLayout);
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

  const items = virtualizer.getVirtualItems();
  const [firstRow, lastRow] = [items.at(0)?.index ?? 0, items.at(-1)?.index ?? 0];
  useEffect(() => {
    const first = rows[firstRow]?.tiles.at(0);
    const last = rows[lastRow]?.tiles.at(-1);
    if (first && last) onSee(first.picture, last.picture, lastRow === rows.length - 1);
  }, [rows, firstRow, lastRow, onSee]);

  const at = rows.findIndex(({ tiles }) => tiles.some(({ picture }) => picture.jobId === current));
  useEffect(() => {
    if (at >= 0) virtualizer.scrollToIndex(at, { align: "auto" });
  }, [virtualizer, at]);

  return (
    <ul
      ref={list}
      className={selected.size > 0 ? "gallery-grid gallery-selecting" : "gallery-grid"}
      style={{ height: virtualizer.getTotalSize() }}
    >
      {items.flatMap(({ index, start }) => {
        const { height = 0, day = null, tiles = [] } = rows[index] ?? {};
        const [at, heading] = [start - top, day === null ? 0 : HEADING];
        const name: ReactNode = day !== null && (
          <li key={day} className="gallery-day" style={{ top: at }}>
            <h2>
              <DayName day={day} />
            </h2>
          </li>
        );
        return [name].concat(
          tiles.map((tile) => (
            <GridTile
              key={tile.picture.key}
              tile={tile}
              top={at + heading}
              height={height - heading - GAP}
              isSelected={selected.has(tile.picture.jobId)}
              {...{ onSelect, onBroken }}
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
  isSelected,
  onSelect,
  onBroken,
}: {
  readonly tile: Tile;
  readonly top: number;
  readonly height: number;
  readonly isSelected: boolean;
  readonly onSelect: (jobId: string, isRange: boolean) => void;
  readonly onBroken: (jobId: string) => void;
}) {
  const name = [
    describe(picture),
    ...(more > 0 ? [`and ${more} more`] : []),
    ...(picture.job.isStarred ? ["starred"] : []),
  ].join(", ");
  return (
    <li
      className="gallery-tile"
      style={{ left, top, width, height }}
      onPointerEnter={play}
      onPointerLeave={pause}
      onFocus={play}
      onBlur={pause}
    >
      <OpenLink place={picture} aria-label={name}>
        <Media picture={picture} isSmall onBroken={onBroken} />
        {picture.job.isStarred && <span className="gallery-star" aria-hidden="true" />}
        {picture.asset.kind === "VIDEO" && <span className="gallery-film" aria-hidden="true" />}
        {more > 0 && <span className="gallery-more">+{more}</span>}
        <span className="gallery-caption" aria-hidden="true" dir="auto">
          {promptOf(picture.job) || picture.job.deployment.name}
        </span>
      </OpenLink>
      <input
        type="checkbox"
        checked={isSelected}
        aria-label={`Select the job of ${name}`}
        onChange={({ nativeEvent }) =>
          onSelect(picture.jobId, nativeEvent instanceof MouseEvent && nativeEvent.shiftKey)
        }
      />
    </li>
  );
}

type OnTile = PointerEvent<HTMLElement> | FocusEvent<HTMLElement>;

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
