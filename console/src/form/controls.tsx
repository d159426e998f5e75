import { type ChangeEvent, type ComponentProps } from "react";

import type { Field, Widget } from "../model/fields";
import { parseJson, toWords } from "../model/json";
import { formatOption } from "../model/measures";
import { drawSeed } from "../model/seeds";

/** What every control of the form gets; `Kind` is the widget that it draws. */
export type ControlProps<Kind extends Widget["kind"]> = {
  readonly field: Field;
  readonly widget: Extract<Widget, { kind: Kind }>;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Of the element that the label is for. */
  readonly attributes: {
    readonly id: string;
    readonly "aria-label"?: string;
    readonly "aria-describedby": string;
    readonly "aria-invalid": boolean;
    readonly "aria-required": boolean;
  };
};

/** About as many letters as there is room for in a line. */
const LINE = 60;
const MAX_ROWS = 14;

export function TextControl(props: ControlProps<"text" | "json">) {
  const { field, widget, value, onChange, attributes } = props;
  const given = {
    ...attributes,
    value,
    placeholder: toPlaceholder(field),
    onChange: ({ target }: ChangeEvent<HTMLInputElement | HTMLTextAreaElement>) =>
      onChange(target.value),
  };
  const isCode = widget.kind === "json";
  // A line break would be lost in a field of one line.
  if (!isCode && !widget.isLong && !value.includes("\n")) return <input {...given} dir="auto" />;
  const lines = value.split("\n").map((line) => 1 + Math.floor(line.length / LINE));
  const least = isCode ? 3 : field.path === "prompt" ? 4 : 2;
  const most = lines.reduce((sum, count) => sum + count, 0);
  return (
    <textarea
      {...given}
      rows={Math.min(Math.max(most, least), MAX_ROWS)}
      // As a word: Preact writes no attribute for false.
      spellCheck={isCode ? "false" : "true"}
      dir={isCode ? "ltr" : "auto"}
    />
  );
}

export function ChoiceControl(props: ControlProps<"choice">) {
  const { field, widget, value, onChange, attributes } = props;
  const { fallback, isRequired, measure } = field;
  const unset = isRequired ? "Choose one" : "Not set";
  const say = (option: unknown) =>
    measure === null ? toWords(option) : formatOption(measure, option);
  // A value that is none of the options is shown all the same.
  const choices = new Set([...widget.options.map((option) => JSON.stringify(option)), value]);
  choices.delete("");
  return (
    <select {...attributes} value={value} onChange={({ target }) => onChange(target.value)}>
      <option value="">{fallback === undefined ? unset : `${say(fallback)} (default)`}</option>
      {[...choices].map((choice) => (
        <option key={choice} value={choice}>
          {say(parseJson(choice) ?? choice)}
        </option>
      ))}
    </select>
  );
}

export function FlagControl({ field, value, onChange, attributes }: ControlProps<"flag">) {
  return (
    <label className="check">
      <input
        {...attributes}
        type="checkbox"
        checked={value === "" ? field.fallback === true : value === "true"}
        onChange={({ target }) => onChange(String(target.checked))}
      />
      {field.label}
    </label>
  );
}

/** A slider beside a number, for those who know the number. */
export function NumberControl(props: ControlProps<"number">) {
  const { field, widget, value, onChange } = props;
  const { slider } = widget;
  const placeholder = toPlaceholder(field);
  const shown = value || placeholder;
  return (
    <span className="row run-number">
      {slider && (
        <input
          className="grow"
          type="range"
          aria-label={`${field.label}, slider`}
          aria-valuetext={shown || "not set"}
          min={slider.minimum}
          max={slider.maximum}
          step={slider.step}
          value={shown || slider.minimum}
          onChange={({ target }) => onChange(target.value)}
        />
      )}
      <Digits {...props} placeholder={placeholder} />
    </span>
  );
}

/** A number that is fixed by typing or by drawing it; without one the page draws another at each run. */
export function SeedControl(props: ControlProps<"seed">) {
  const { field, widget, value, onChange } = props;
  const draw = (): void => onChange(String(drawSeed(widget)));
  return (
    <span className="row run-seed">
      <Digits {...props} placeholder="Random each run" />
      <button
        type="button"
        aria-label={`Randomize the ${field.label.toLowerCase()}`}
        onClick={draw}
      >
        Randomize
      </button>
      <label className="check">
        <input
          type="checkbox"
          checked={value === "" || value === "-1"}
          onChange={({ target }) => (target.checked ? onChange("") : draw())}
        />
        New seed each run
      </label>
    </span>
  );
}

/** A field of the type number would say of what is none that nothing is in it, and it would run with the default. */
function Digits({
  widget: { minimum },
  value,
  onChange,
  attributes,
  placeholder,
}: ControlProps<"number" | "seed"> & Pick<ComponentProps<"input">, "placeholder">) {
  return (
    <input
      {...{ ...attributes, value, placeholder }}
      autoComplete="off"
      // A phone's keys for numbers may lack the minus.
      inputMode={minimum !== null && minimum >= 0 ? "decimal" : "text"}
      onChange={({ target }) => onChange(target.value)}
    />
  );
}

/** Letters of a default that are shown. */
const MAX_DEFAULT = 200;

/** What a field is for, and what its control does not show: bounds, and what holds where nothing is inside it. */
export function toNote({ description, widget, fallback }: Field): string {
  const notes = [description];
  if (widget.kind === "number" && !widget.slider)
    notes.push(
      formatBounds(widget.minimum, widget.maximum)
        .join(", ")
        .replace(/^a(.*)/, "A$1."),
    );
  if (typeof fallback === "object" && fallback !== null) {
    const text = JSON.stringify(fallback);
    const isLong = text.length > MAX_DEFAULT;
    notes.push(`Default: ${isLong ? `${text.slice(0, MAX_DEFAULT)}…` : text}`);
  }
  return notes.join(" ").trim();
}

/** `at least 1`, `at most 8` */
export function formatBounds(least: number | null, most: number | null): readonly string[] {
  return [
    ...(least === null ? [] : [`at least ${least}`]),
    ...(most === null ? [] : [`at most ${most}`]),
  ];
}

/** A default as a placeholder shows it; empty where there is none. */
export function toPlaceholder({ fallback }: Field): string {
  return fallback === undefined || fallback === null ? "" : toWords(fallback);
}
