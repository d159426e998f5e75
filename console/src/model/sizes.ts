import type { Draft } from "./draft";
import type { Field, Widget } from "./fields";
import { readRatio } from "./measures";
import { formatSeconds, formatWhole } from "./words";

type Side = Field & { readonly widget: Extract<Widget, { kind: "number" }> };
/** The fields for how large a picture is. */
export type Sides = { readonly width: Side; readonly height: Side };

/** As people say them. */
const SHAPES = ["1:1", "4:3", "3:2", "16:9", "21:9", "3:4", "2:3", "9:16"];

/** What every model takes where its schema says nothing. */
const MULTIPLE = 32;
const SIDE = 1_024;

/** The sides that a picture has in a form; null where it does not have both. */
export function findSides(fields: readonly Field[]): Sides | null {
  const isSide = (field: Field): field is Side => field.widget.kind === "number";
  const sides = fields.filter(isSide);
  const width = sides.find(({ measure }) => measure === "width");
  const height = sides.find(({ measure }) => measure === "height");
  return width && height ? { width, height } : null;
}

/** How large each shape is with as many pixels as the default, or as fit, rounded to what the schema takes. */
export function toShapes(sides: Sides) {
  return SHAPES.flatMap((shape) => {
    const ratio = readRatio(shape) ?? 1;
    const size = toSize(ratio, sides);
    // Bounds or steps may leave another shape.
    const isMeant = Math.abs(size.width / size.height / ratio - 1) < 0.1;
    return isMeant ? [{ shape, ...size }] : [];
  });
}

function toSize(ratio: number, { width, height }: Sides) {
  const pixels = toNumber(width.fallback) * toNumber(height.fallback);
  const [wide, high] = [Math.sqrt(pixels * ratio), Math.sqrt(pixels / ratio)];
  const part = Math.min(1, mostOf(width) / wide, mostOf(height) / high);
  return { width: round(wide * part, width), height: round(high * part, height) };
}

/** A size on its side; null where that is no other, or is not taken. */
export function turn({ width, height }: Sides, wide: number, high: number) {
  const isFine = wide > 0 && high > 0 && wide !== high;
  return isFine && isWithin(high, width) && isWithin(wide, height)
    ? { width: high, height: wide }
    : null;
}

function isWithin(side: number, field: Side): boolean {
  return side >= (field.widget.minimum ?? 0) && side <= mostOf(field);
}

function mostOf({ widget: { maximum } }: Side): number {
  return maximum ?? Infinity;
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

/** How long the result gets by a field: `5 s`, `1 min 20 s`, for frames by their rate; empty where it does not say. */
export function formatLength(field: Field, fields: readonly Field[], draft: Draft): string {
  const valueOf = ({ path, fallback }: Field): number => Number(draft[path] || fallback);
  const { measure, widget } = field;
  if (widget.kind !== "number") return "";
  const count = valueOf(field);
  if (measure === "seconds" && count > 0) return count < 60 ? `${count} s` : formatWhole(count);
  const rate = fields.find(({ name }) => RATE.test(name));
  if (measure !== "frames" || rate === undefined) return "";
  const seconds = count / valueOf(rate);
  // Pictures have a rate of 1.
  return valueOf(rate) > 1 && seconds > 0 ? formatSeconds(seconds) : "";
}

const RATE = /^(fps|frame_?rate|frames_per_second)$/;
