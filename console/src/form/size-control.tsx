import type { ReactNode } from "react";

import type { Draft } from "../model/draft";
import type { Field } from "../model/fields";
import { type Sides, toShapes, turn } from "../model/sizes";
import { Unfolding } from "../ui/unfolding";
import { toPlaceholder } from "./controls";
import { Picks, Rotate } from "./picks";

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
  const toText = (field: Field): string => draft[field.path] || toPlaceholder(field);
  const [width, height] = [toText(sides.width), toText(sides.height)];
  const turned = turn(sides, Number(width), Number(height));
  const change = (size: { readonly width: number; readonly height: number }): void => {
    onChange(sides.width.path, String(size.width));
    onChange(sides.height.path, String(size.height));
  };
  const sizes = new Map(toShapes(sides).map((size) => [`${size.width} × ${size.height}`, size]));
  const size = width && height ? `${width} × ${height}` : "not set";
  return (
    <div className="field run-size">
      <span className="row">
        <b>Size</b> <span className="hint">{size}</span>
      </span>
      <Picks
        aria-label="Size"
        picks={[...sizes].map(([value, its]) => ({
          value,
          title: value,
          words: its.shape,
          ratio: its.width / its.height,
        }))}
        value={size}
        onPick={(value) => {
          const picked = sizes.get(value);
          if (picked) change(picked);
        }}
      >
        <Rotate onRotate={turned && (() => change(turned))} />
      </Picks>
      <Unfolding summary={<span className="small">Custom</span>} isForced={isWrong}>
        <div className="two run-fields">{children}</div>
      </Unfolding>
    </div>
  );
}
