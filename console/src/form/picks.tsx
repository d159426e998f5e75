import { type ComponentProps, useId } from "react";

import { parseJson } from "../model/json";
import { readRatio, rotate, formatOption } from "../model/measures";
import type { ControlProps } from "./controls";

type Pick = {
  readonly value: string;
  readonly words: string;
  /** Width by height, which is drawn; null for none. */
  readonly ratio: number | null;
  readonly title?: string;
};

/** One of a few that are all in sight: Tab leads to the chosen one, and arrows choose another. */
export function Picks({
  picks,
  value,
  onPick,
  children,
  ...attributes
}: Omit<ComponentProps<"span">, "value"> & {
  readonly picks: readonly Pick[];
  readonly value: string;
  readonly onPick: (value: string) => void;
}) {
  const name = useId();
  return (
    // Where something is wrong with it, it gets the focus.
    <span role="radiogroup" tabIndex={-1} className="row tight run-picks" {...attributes}>
      {picks.map((pick) => (
        <label key={pick.value} className="check" title={pick.title}>
          <input
            type="radio"
            name={name}
            checked={pick.value === value}
            onChange={() => onPick(pick.value)}
          />
          {pick.ratio !== null && (
            <span className="run-shape" style={{ aspectRatio: pick.ratio }} />
          )}
          {pick.words}
        </label>
      ))}
      {children}
    </span>
  );
}

/** A choice of what the result will be like, as shapes and words. */
export function PickControl({
  field,
  widget,
  value,
  onChange,
  attributes,
}: ControlProps<"choice">) {
  const { label, measure, fallback, isRequired } = field;
  const options = new Map(widget.options.map((option) => [JSON.stringify(option), option]));
  // A value that is none of the options is shown all the same.
  if (value !== "") options.set(value, parseJson(value) ?? value);
  const unset = fallback === undefined ? "" : JSON.stringify(fallback);
  const isUnsetShown = options.has(unset);
  if (!isUnsetShown && !isRequired) options.set("", fallback ?? "Not set");
  const chosen = value === "" && isUnsetShown ? unset : value;
  const turned = rotate(widget.options, options.get(chosen));
  return (
    <Picks
      {...attributes}
      aria-label={label}
      picks={[...options].map(([key, option]) => ({
        value: key,
        words: formatOption(measure, option),
        ratio: readRatio(option),
      }))}
      value={chosen}
      onPick={onChange}
    >
      {widget.options.some((option) => rotate(widget.options, option) !== undefined) && (
        <Rotate onRotate={turned === undefined ? null : () => onChange(JSON.stringify(turned))} />
      )}
    </Picks>
  );
}

/** Swaps portrait and landscape. */
export function Rotate({
  onRotate,
}: {
  /** Null where it looks the same, or is not taken. */
  readonly onRotate: (() => void) | null;
}) {
  return (
    <button
      type="button"
      className="small"
      title="Swap portrait and landscape"
      aria-disabled={onRotate === null}
      onClick={() => onRotate?.()}
    >
      Rotate
    </button>
  );
}
