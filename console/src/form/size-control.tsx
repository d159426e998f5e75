import type { ReactNode } from "react";

import type { Draft } from "../model/draft";
import type { Field } from "../model/fields";
import { SHAPES, type Sides, toSize } from "../model/sizes";
import { Unfolding } from "../ui/unfolding";
import { toPlaceholder } from "./controls";

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
