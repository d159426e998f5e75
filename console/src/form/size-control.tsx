import type { ReactNode } from "react";

import { toPlaceholder } from "./controls";
import type { Draft } from "../model/draft";
import type { Field, Widget } from "../model/fields";
import { Unfolding } from "../ui/unfolding";

type Side = Field & { readonly widget: Extract<Widget, { kind: "number" }> };
/** The fields for how large a picture is. */
type Sides = { readonly width: Side; readonly height: Side };

/** Shapes as people say them. */
export const SHAPES = ["1:1", "3:2", "16:9", "9:16"] as const;

/** What every model takes where its schema says nothing. */
const MULTIPLE = 32;
const SIDE = 1_024;

/** How large a picture will be: a shape, or the numbers below. */
export function SizeControl({
  sides,
  draft,
  isWrong,
  onChange,
  children,
}: {
  readonly sides: Sides;
  readonly draft: Draft;
  readonly isWrong: boolean;
  readonly onChange: (name: string, value: string) => void;
  /** The fields of the numbers. */
  readonly children: ReactNode;
}) {
  const toText = (field: Field): string => draft[field.name] || toPlaceholder(field);
  const [width, height] = [toText(sides.width), toText(sides.height)];
  return (
    <div className="field run-size" role="group" aria-labelledby="run-size">
      <span id="run-size" className="row">
        <b>Size</b>{" "}
        <span className="hint">{width && height ? `${width} × ${height}` : "not set"}</span>
      </span>
      <span className="row">
        {SHAPES.map((shape) => {
          const size = toSize(shape, sides);
          return (
            <button
              key={shape}
              type="button"
              className="check"
              aria-pressed={String(size.width) === width && String(size.height) === height}
              title={`${size.width} × ${size.height}`}
              onClick={() => {
                onChange(sides.width.name, String(size.width));
                onChange(sides.height.name, String(size.height));
              }}
            >
              <span className="run-shape" style={{ aspectRatio: shape.replace(":", "/") }} />
              {shape}
            </button>
          );
        })}
      </span>
      <Unfolding summary={<span className="small">Custom</span>} isForced={isWrong}>
        <div className="two run-fields">{children}</div>
      </Unfolding>
    </div>
  );
}

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
