import type { JobRowFragment } from "../gql";
import { sizeOf } from "../model/asset";
import type { Media } from "../model/filters";
import { picturesOf, type Shown } from "../model/pictures";

export const GAP = 8;
/** What the name of a day takes above its first row. */
export const HEADING = 44;
/** What is longer is cut in the grid, so that one panorama does not make a row that is a line. */
const MAX_LENGTH = 3;
/** Of one job; the others are behind the last of them. */
const MAX_OF_JOB = 4;

/** A picture in the grid. */
export type Picked = {
  readonly picture: Shown;
  /** How many of its job stand behind it. */
  readonly more: number;
  /** Where its job is in the list. */
  readonly at: number;
};
export type Tile = Picked & { readonly left: number; readonly width: number };
export type Row = {
  readonly key: string;
  /** With the gap below, and with the name of the day above. */
  readonly height: number;
  /** When the day began whose first row it is; else null. */
  readonly day: number | null;
  readonly tiles: readonly Tile[];
};
/** A picture's shape when it was first seen, so that a better one later moves nothing, and its day. */
type Place = { readonly shape: number; readonly day: number };
type Seen = Picked & Place;

/** What the grid shows of jobs, or only what is of these kinds. */
export function pick(jobs: readonly JobRowFragment[], media: Media = []): Picked[] {
  return jobs.flatMap((job, at) => {
    const pictures = picturesOf(job, media);
    const hidden = Math.max(0, pictures.length - MAX_OF_JOB);
    return pictures
      .slice(0, MAX_OF_JOB)
      .map((picture, index) => ({ picture, more: index === MAX_OF_JOB - 1 ? hidden : 0, at }));
  });
}

/**
 * Lays out rows that fill the width, at most so high, day by day. It remembers which picture was first of all to begin with:
 * rows above that one are filled from their end, so that another one in front changes the first row of its day only.
 */
export function createLayout() {
  const places = new Map<string, Place>();
  let first = "";
  return (pictures: readonly Picked[], width: number, maxHeight: number): Row[] => {
    const seen = pictures.map((picked) => {
      const place = places.get(picked.picture.key) ?? toPlace(picked.picture);
      places.set(picked.picture.key, place);
      return { ...picked, ...place };
    });
    const fixed = seen.findIndex(({ picture }) => picture.key === first);
    if (fixed < 0) first = seen[0]?.picture.key ?? "";
    let from = 0;
    return [...Map.groupBy(seen, ({ day }) => day)].flatMap(([day, ofDay]) => {
      const at = Math.min(Math.max(fixed - from, 0), ofDay.length);
      from += ofDay.length;
      const above = fill(ofDay.slice(0, at).toReversed(), width, maxHeight).toReversed();
      const below = fill(ofDay.slice(at), width, maxHeight);
      return [...above.map((row) => row.toReversed()), ...below].map((row, index) =>
        toRow(row, index === 0 ? day : null, Math.min(maxHeight, heightOf(row, width))),
      );
    });
  };
}

function toPlace({ job, asset }: Shown): Place {
  // A square where nothing is known.
  const size = sizeOf(job.input, asset) ?? { width: 1, height: 1 };
  const shape = Math.min(MAX_LENGTH, Math.max(1 / MAX_LENGTH, size.width / size.height));
  return { shape, day: new Date(job.createdAt).setHours(0, 0, 0, 0) };
}

function fill(pictures: readonly Seen[], width: number, maxHeight: number): Seen[][] {
  const rows: Seen[][] = [];
  let row: Seen[] = [];
  for (const seen of pictures) {
    row.push(seen);
    if (heightOf(row, width) > maxHeight) continue;
    rows.push(row);
    row = [];
  }
  return row.length > 0 ? [...rows, row] : rows;
}

/** With which height they fill the width. */
function heightOf(row: readonly Seen[], width: number): number {
  return (width - GAP * (row.length - 1)) / row.reduce((sum, { shape }) => sum + shape, 0);
}

function toRow(row: readonly Seen[], day: number | null, height: number): Row {
  let left = 0;
  const tiles = row.map((seen) => {
    const tile = { ...seen, left, width: seen.shape * height };
    left += tile.width + GAP;
    return tile;
  });
  const heading = day === null ? 0 : HEADING;
  return { key: row[0]?.picture.key ?? "", height: height + GAP + heading, day, tiles };
}
