import type { Field, Widget } from "./fields";

type Side = Field & { readonly widget: Extract<Widget, { kind: "number" }> };
/** The fields for how large a picture is. */
export type Sides = { readonly width: Side; readonly height: Side };

/** Shapes as people say them. */
export const SHAPES = ["1:1", "3:2", "16:9", "9:16"] as const;

/** What every model takes where its schema says nothing. */
const MULTIPLE = 32;
const SIDE = 1_024;

/** The sides that a picture has in a form; null where it does not have both. */
export function findSides(fields: readonly Field[]): Sides | null {
  const isSide = (field: Field): field is Side => field.widget.kind === "number";
  const sides = fields.filter(isSide);
  const width = sides.find(({ name }) => name === "width");
  const height = sides.find(({ name }) => name === "height");
  return width && height ? { width, height } : null;
}

/** How large a shape is with as many pixels as the default, rounded to what the schema takes. */
export function toSize(shape: string, { width, height }: Sides) {
  const [wide = 1, high = 1] = shape.split(":").map(Number);
  const pixels = toNumber(width.fallback) * toNumber(height.fallback);
  return {
    width: round(Math.sqrt((pixels * wide) / high), width),
    height: round(Math.sqrt((pixels * high) / wide), height),
  };
}

function toNumber(fallback: unknown): number {
  return typeof fallback === "number" && fallback > 0 ? fallback : SIDE;
}

function round(side: number, { widget: { minimum, maximum, multiple } }: Side): number {
  const step = multiple ?? MULTIPLE;
  const least = Math.max(1, Math.ceil((minimum ?? 0) / step));
  const most = Math.floor((maximum ?? Infinity) / step);
  return Math.min(Math.max(Math.round(side / step), least), most) * step;
}
