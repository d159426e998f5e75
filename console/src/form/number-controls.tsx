import { type ControlProps, toPlaceholder } from "./control";
import { drawSeed } from "./seeds";

/** A slider for the hand beside a number for whoever knows it. */
export function NumberControl(props: ControlProps<"number">) {
  const { field, widget, id, value, onChange, described } = props;
  const { slider } = widget;
  const placeholder = toPlaceholder(field);
  const shown = value === "" ? placeholder : value;
  return (
    <span className="run-number">
      {slider && (
        <input
          type="range"
          aria-label={`${field.label}, slider`}
          aria-valuetext={shown === "" ? "not set" : shown}
          min={slider.minimum}
          max={slider.maximum}
          step={slider.step}
          value={shown === "" ? slider.minimum : shown}
          onChange={({ target }) => onChange(target.value)}
        />
      )}
      <Digits {...{ id, value, placeholder, onChange, described }} least={widget.minimum} />
    </span>
  );
}

/** A field of the type number would say of what is none that nothing is in it, and it would run with the default. */
function Digits({
  least,
  onChange,
  described,
  ...attributes
}: Pick<ControlProps<"number">, "id" | "value" | "onChange" | "described"> & {
  readonly placeholder: string;
  readonly least: number | null;
}) {
  return (
    <input
      {...described}
      {...attributes}
      autoComplete="off"
      // A phone's keys for numbers may lack the minus.
      inputMode={least !== null && least >= 0 ? "decimal" : "text"}
      onChange={({ target }) => onChange(target.value)}
    />
  );
}

/** A number that is fixed by typing it or by the dice; without one the page draws another at each run. */
export function SeedControl(props: ControlProps<"seed">) {
  const { field, widget, id, value, onChange, described } = props;
  const draw = (): void => onChange(String(drawSeed(widget)));
  return (
    <span className="run-seed">
      <Digits
        {...{ id, value, onChange, described }}
        placeholder="Drawn at each run"
        least={widget.minimum}
      />
      <button
        type="button"
        className="run-dice"
        aria-label={`Draw a new ${field.label.toLowerCase()}`}
        title="Draw a number"
        onClick={draw}
      >
        <Dice />
      </button>
      <label className="check">
        <input
          type="checkbox"
          checked={value === "" || value === "-1"}
          onChange={({ target }) => (target.checked ? onChange("") : draw())}
        />
        Another one at each run
      </label>
    </span>
  );
}

function Dice() {
  return (
    <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" fill="currentColor">
      <rect
        x="2"
        y="2"
        width="16"
        height="16"
        rx="3.5"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.6"
      />
      <circle cx="6.5" cy="6.5" r="1.5" />
      <circle cx="13.5" cy="6.5" r="1.5" />
      <circle cx="10" cy="10" r="1.5" />
      <circle cx="6.5" cy="13.5" r="1.5" />
      <circle cx="13.5" cy="13.5" r="1.5" />
    </svg>
  );
}
