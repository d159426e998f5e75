import { type ReactNode, useState } from "react";

import { toPlaceholder } from "./control";
import type { Draft } from "./draft";
import { SHAPES, type Sides, toSize } from "./sizes";

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
  const [isOpened, setIsOpened] = useState(false);
  const [width, height] = [sides.width, sides.height].map(
    (field) => draft[field.name] || toPlaceholder(field),
  );
  return (
    <div className="run-size" role="group" aria-labelledby="run-size">
      <span id="run-size" className="run-label">
        Size
        <span className="hint">{width && height ? `${width} × ${height}` : "not set"}</span>
      </span>
      <span className="row">
        {SHAPES.map((shape) => {
          const size = toSize(shape, sides);
          return (
            <button
              key={shape}
              type="button"
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
      <details
        open={isOpened || isWrong}
        onToggle={({ currentTarget }) => setIsOpened(currentTarget.open)}
      >
        <summary>Custom</summary>
        <div className="run-fields">{children}</div>
      </details>
    </div>
  );
}
