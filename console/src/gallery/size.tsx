import { useState } from "react";
import { createItem } from "runcomfy-graphql-client";

const kept = createItem("size of pictures");

/** How high pictures are at most in the grid, in pixels; it outlives a reload. */
export function useSize() {
  const [size, setSize] = useState(() => Number(kept.get() ?? (innerWidth < 640 ? 160 : 240)));
  return [
    size,
    (changed: number): void => {
      kept.set(String(changed));
      setSize(changed);
    },
  ] as const;
}

/** Makes pictures smaller and larger. */
export function SizeSlider({
  size,
  onSize,
}: {
  readonly size: number;
  readonly onSize: (size: number) => void;
}) {
  return (
    <label className="gallery-size">
      Size
      <input
        type="range"
        min={100}
        max={500}
        step={20}
        value={size}
        onChange={({ target }) => onSize(Number(target.value))}
      />
    </label>
  );
}
