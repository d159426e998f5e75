import { useId } from "react";

import { later } from "../parts/later";
import { ChoiceControl, FlagControl, JsonControl, TextControl } from "./simple-controls";
import type { Field } from "./fields";
import type { OnGive } from "./file-controls";
import { NumberControl, SeedControl } from "./number-controls";

const FileControl = later(
  async () => (await import("./file-controls")).FileControl,
  <span className="run-drop" />,
);

/** A field with its label, its control, and one line below that tells what is wrong, or else what it is for. */
export function FieldRow({
  field,
  value,
  issue,
  onChange,
  onTouch,
  onGive,
}: {
  readonly field: Field;
  readonly value: string;
  readonly issue: string;
  readonly onChange: (name: string, value: string) => void;
  readonly onTouch: (name: string) => void;
  readonly onGive: OnGive;
}) {
  const id = useId();
  const noteId = `${id}-note`;
  const { name, label, isRequired, widget } = field;
  const isFilled = value !== "";
  return (
    <div
      className={`run-field run-field-${widget.kind}`}
      data-name={name}
      onBlur={() => onTouch(name)}
    >
      {widget.kind !== "flag" && (
        <span className="run-label">
          <label htmlFor={id} title={name}>
            {label}
            {isRequired && (
              <span aria-hidden="true" className="run-required">
                {" "}
                *
              </span>
            )}
          </label>
          {isFilled && widget.kind !== "seed" && field.fallback !== undefined && (
            <button
              type="button"
              className="run-reset"
              aria-label={`Take the default of ${label}`}
              onClick={() => onChange(name, "")}
            >
              default
            </button>
          )}
        </span>
      )}
      <Control
        {...{ field, id, value, onGive }}
        onChange={(next) => onChange(name, next)}
        described={{
          "aria-describedby": noteId,
          "aria-invalid": issue !== "",
          "aria-required": isRequired,
        }}
      />
      <span id={noteId} className={issue === "" ? "run-note hint" : "run-note issue"}>
        {issue === "" ? field.description : issue}
      </span>
    </div>
  );
}

type Props = Pick<Parameters<typeof FileControl>[0], "field" | "id" | "value" | "described"> & {
  readonly onChange: (value: string) => void;
  readonly onGive: OnGive;
};

function Control({ onGive, ...props }: Props) {
  const { widget } = props.field;
  switch (widget.kind) {
    case "text":
      return <TextControl {...props} widget={widget} />;
    case "number":
      return <NumberControl {...props} widget={widget} />;
    case "seed":
      return <SeedControl {...props} widget={widget} />;
    case "choice":
      return <ChoiceControl {...props} widget={widget} />;
    case "flag":
      return <FlagControl {...props} widget={widget} />;
    case "file":
    case "files":
      return <FileControl {...props} widget={widget} onGive={onGive} />;
    case "json":
      return <JsonControl {...props} widget={widget} />;
  }
}
