import { type ControlProps, toPlaceholder } from "./control";

const LINE = 60;
const MAX_ROWS = 14;

export function TextControl(props: ControlProps<"text">) {
  const { field, widget, id, value, onChange, described } = props;
  const placeholder = toPlaceholder(field);
  // A line break would be lost in a field of one line.
  if (widget.isLong || value.includes("\n")) {
    const least = field.name === "prompt" ? 4 : 2;
    return (
      <GrowingText {...{ id, value, onChange, placeholder, least }} isCode={false} {...described} />
    );
  }
  return (
    <input
      {...described}
      id={id}
      dir="auto"
      value={value}
      placeholder={placeholder}
      onChange={({ target }) => onChange(target.value)}
    />
  );
}

export function JsonControl({ field, id, value, onChange, described }: ControlProps<"json">) {
  const placeholder = toPlaceholder(field);
  return <GrowingText {...{ id, value, onChange, placeholder }} least={3} isCode {...described} />;
}

/** Grows with its text also where `field-sizing` is not known. */
function GrowingText({
  value,
  onChange,
  least,
  isCode,
  ...attributes
}: {
  readonly id: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly placeholder: string;
  readonly least: number;
  readonly isCode: boolean;
}) {
  const lines = value.split("\n").map((line) => 1 + Math.floor(line.length / LINE));
  const rows = lines.reduce((sum, count) => sum + count, 0);
  return (
    <textarea
      {...attributes}
      className={isCode ? "run-growing run-code-text" : "run-growing"}
      value={value}
      rows={Math.min(Math.max(rows, least), MAX_ROWS)}
      style={{ minHeight: `calc(${least}lh + 14px)` }}
      spellCheck={!isCode}
      dir={isCode ? "ltr" : "auto"}
      onChange={({ target }) => onChange(target.value)}
    />
  );
}

export function ChoiceControl(props: ControlProps<"choice">) {
  const { field, widget, id, value, onChange, described } = props;
  const { fallback, isRequired } = field;
  const unset = isRequired ? "Choose one" : "Not set";
  return (
    <select {...described} id={id} value={value} onChange={({ target }) => onChange(target.value)}>
      <option value="">{fallback === undefined ? unset : `${toWord(fallback)} (default)`}</option>
      {widget.options.map((option) => (
        <option key={JSON.stringify(option)} value={JSON.stringify(option)}>
          {toWord(option)}
        </option>
      ))}
    </select>
  );
}

function toWord(option: unknown): string {
  return typeof option === "string" ? option : JSON.stringify(option);
}

export function FlagControl({ field, id, value, onChange, described }: ControlProps<"flag">) {
  return (
    <label className="check" htmlFor={id}>
      <input
        {...described}
        id={id}
        type="checkbox"
        checked={value === "" ? field.fallback === true : value === "true"}
        onChange={({ target }) => onChange(String(target.checked))}
      />
      {field.label}
    </label>
  );
}
