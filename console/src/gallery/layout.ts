import type { Shown } from "../lightbox/pictures";
import { sizeOf } from "../parts/picture";

export const GAP = 8;
/** What the name of a day takes above its first row. */
export const HEADING = 44;
/** What is longer is cut in the grid, so that one panorama does not make a row that is a line. */
const MAX_LENGTH = 3;
/** Of one job; the others are behind the last of them. */
const MAX_OF_JOB = 4;

/** A picture in the grid, and how many of its job stand behind it. */
export type Picked = { readonly picture: Shown; readonly more: number };
export type Tile = Picked & { readonly left: number; readonly width: number };
export type Row = {
  readonly key: string;
  /** With the gap below, and with the name of the day above. */
  readonly height: number;
  /** When the day began whose first row it is; else null. */
  readonly day: number | null;
  readonly tiles: readonly Tile[];
};

/** Each picture's shape as it was when first seen, as one that is told better later moves nothing, and its day. */
type Seen = Map<string, { readonly shape: number; readonly day: number }>;

/** What the grid shows of pictures, of which those of a job come one after the other. */
export function pick(pictures: readonly Shown[]): Picked[] {
  const picked: Picked[] = [];
  let ofJob: Shown[] = [];
  for (const picture of pictures) {
    if (ofJob[0]?.jobId !== picture.jobId) ofJob = [];
    ofJob.push(picture);
    const last = ofJob.length > MAX_OF_JOB ? picked.pop()?.picture : undefined;
    picked.push({ picture: last ?? picture, more: Math.max(0, ofJob.length - MAX_OF_JOB) });
  }
  return picked;
}

/**
 * Lays out rows that fill the width, at most so high, day by day. It remembers which picture was first of all to begin with:
 * rows above that one are filled from their end, so that another one in front changes the first row of its day only.
 */
export function createLayout() {
  const seen: Seen = new Map();
  let first = "";
  return (pictures: readonly Picked[], width: number, maxHeight: number): Row[] => {
    const fixed = pictures.findIndex(({ picture }) => picture.key === first);
    if (fixed < 0) first = pictures[0]?.picture.key ?? "";
    let from = 0;
    return toDays(pictures, seen).flatMap(([day, stretch]) => {
      const at = Math.min(Math.max(fixed - from, 0), stretch.length);
      from += stretch.length;
      const above = fill(stretch.slice(0, at).toReversed(), width, maxHeight, seen).toReversed();
      const below = fill(stretch.slice(at), width, maxHeight, seen);
      return [...above.map((row) => row.toReversed()), ...below].map((row, index) =>
        toRow(row, index === 0 ? day : null, Math.min(maxHeight, heightOf(row, width, seen)), seen),
      );
    });
  };
}

function fill(pictures: readonly Picked[], width: number, maxHeight: number, seen: Seen) {
  const rows: Picked[][] = [];
  let row: Picked[] = [];
  for (const picked of pictures) {
    row.push(picked);
    if (heightOf(row, width, seen) > maxHeight) continue;
    rows.push(row);
    row = [];
  }
  return row.length > 0 ? [...rows, row] : rows;
}

/** With which height they fill the width. */
function heightOf(row: readonly Picked[], width: number, seen: Seen): number {
  const shape = row.reduce((sum, { picture }) => sum + look(picture, seen).shape, 0);
  return (width - GAP * (row.length - 1)) / shape;
}

function toRow(row: readonly Picked[], day: number | null, height: number, seen: Seen): Row {
  let left = 0;
  const tiles = row.map((picked) => {
    const tile = { ...picked, left, width: look(picked.picture, seen).shape * height };
    left += tile.width + GAP;
    return tile;
  });
  const heading = day === null ? 0 : HEADING;
  return { key: row[0]?.picture.key ?? "", height: height + GAP + heading, day, tiles };
}

/** The days in order, each with its pictures. */
function toDays(pictures: readonly Picked[], seen: Seen): (readonly [number, Picked[]])[] {
  const days = new Map<number, Picked[]>();
  for (const picked of pictures) {
    const { day } = look(picked.picture, seen);
    const known = days.get(day);
    if (known) known.push(picked);
    else days.set(day, [picked]);
  }
  return [...days];
}

function look({ key, job, asset }: Shown, seen: Seen) {
  const known = seen.get(key);
  if (known !== undefined) return known;
  // A square where nothing is known.
  const size = sizeOf(job.input, asset) ?? { width: 1, height: 1 };
  const shape = Math.min(MAX_LENGTH, Math.max(1 / MAX_LENGTH, size.width / size.height));
  const looked = { shape, day: new Date(job.createdAt).setHours(0, 0, 0, 0) };
  seen.set(key, looked);
  return looked;
}
