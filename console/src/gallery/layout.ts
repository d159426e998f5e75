import { sizeOf } from "../parts/picture";
import type { Shown } from "../lightbox/pictures";

export const GAP = 8;
/** What is longer is cut in the grid, so that one panorama does not make a row that is a line. */
const MAX_LENGTH = 3;

export type Tile = { readonly picture: Shown; readonly left: number; readonly width: number };
export type Row = {
  readonly key: string;
  readonly height: number;
  readonly tiles: readonly Tile[];
};

/** How high rows are at most, so that a phone has two pictures beside each other. */
function toRowHeight(width: number): number {
  return Math.min(220, Math.max(150, width / 5));
}

/** Each picture's shape as it was when first seen: one that is told better later moves nothing. */
export type Shapes = Map<string, number>;

/**
 * Rows of equal height that fill the width. Those above a certain picture are filled from their end, so that another one
 * in front changes the first row only.
 */
export function layOut(
  pictures: readonly Shown[],
  fixed: number,
  width: number,
  shapes: Shapes,
): Row[] {
  const above = toRows(pictures.slice(0, fixed).toReversed(), width, shapes)
    .toReversed()
    .map((row) => row.toReversed());
  return [...above, ...toRows(pictures.slice(fixed), width, shapes)].map((row) =>
    toRow(row, width, shapes),
  );
}

function toRows(pictures: readonly Shown[], width: number, shapes: Shapes): Shown[][] {
  const height = toRowHeight(width);
  const rows: Shown[][] = [];
  let row: Shown[] = [];
  for (const picture of pictures) {
    row.push(picture);
    if (heightOf(row, width, shapes) > height) continue;
    rows.push(row);
    row = [];
  }
  return row.length > 0 ? [...rows, row] : rows;
}

function toRow(pictures: readonly Shown[], width: number, shapes: Shapes): Row {
  const height = Math.min(toRowHeight(width), heightOf(pictures, width, shapes));
  let left = 0;
  const tiles = pictures.map((picture) => {
    const tile = { picture, left, width: shapeOf(picture, shapes) * height };
    left += tile.width + GAP;
    return tile;
  });
  return { key: tiles[0]?.picture.key ?? "", height: height + GAP, tiles };
}

/** With which height they fill the width. */
function heightOf(pictures: readonly Shown[], width: number, shapes: Shapes): number {
  const shape = pictures.reduce((sum, picture) => sum + shapeOf(picture, shapes), 0);
  return (width - GAP * (pictures.length - 1)) / shape;
}

/** Width by height; square where nothing is known. */
function shapeOf(picture: Shown, shapes: Shapes): number {
  const known = shapes.get(picture.key);
  if (known !== undefined) return known;
  const size = sizeOf(picture.job.input, picture.asset) ?? { width: 1, height: 1 };
  const shape = Math.min(MAX_LENGTH, Math.max(1 / MAX_LENGTH, size.width / size.height));
  shapes.set(picture.key, shape);
  return shape;
}
