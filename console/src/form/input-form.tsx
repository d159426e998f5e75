import { type FocusEvent, type ReactNode, useId } from "react";

import type { Draft } from "../model/draft";
import type { Field } from "../model/fields";
import type { Slot } from "../model/place-file";
import { findSides } from "../model/sizes";
import { later } from "../ui/later";
import { Unfolding } from "../ui/unfolding";
import { ChoiceControl, FlagControl, NumberControl, SeedControl, TextControl } from "./controls";
import { SizeControl } from "./size-control";

const FileControl = later(
  async () => (await import("./file-controls")).FileControl,
  <span className="run-drop" />,
);

type Form = {
  readonly draft: Draft;
  /** By field. */
  readonly issues: ReadonlyMap<string, string>;
  readonly onChange: (name: string, value: string) => void;
  readonly onTouch: (name: string) => void;
  readonly onGive: (files: readonly File[], slot: Slot) => void;
};

/** The fields of an input, those that are seldom used folded away until one of them matters. */
export function Fields({ fields, ...form }: Form & { readonly fields: readonly Field[] }) {
  const { draft, issues } = form;
  const folded = fields.filter(({ isFolded }) => isFolded);
  const filled = folded.filter(({ name }) => draft[name]).length;
  const sides = findSides(fields);
  const toPlainRow = (field: Field): ReactNode => (
    <FieldRow key={field.name} {...{ field, form }} />
  );
  const toRow = (field: Field): ReactNode => {
    if (field !== sides?.width) return toPlainRow(field);
    const both = [sides.width, sides.height];
    const isWrong = both.some(({ name }) => issues.has(name));
    return (
      <SizeControl key={field.name} {...{ sides, draft, isWrong }} onChange={form.onChange}>
        {both.map(toPlainRow)}
      </SizeControl>
    );
  };
  // Where width is, the size is.
  const plain = fields.filter((field) => !field.isFolded && field !== sides?.height);
  return (
    <>
      <div className="two run-fields">{plain.map(toRow)}</div>
      {folded.length > 0 && (
        <Unfolding
          isForced={folded.some(({ name }) => issues.has(name))}
          summary={
            <>
              <b>More</b> {filled > 0 && <span className="hint">({filled} set)</span>}
            </>
          }
        >
          <div className="two run-fields">{folded.map(toRow)}</div>
        </Unfolding>
      )}
    </>
  );
}

/** A field with its label, its control, and one line below that says what is wrong, or else what it is for. */
function FieldRow({ field, form }: { readonly field: Field; readonly form: Form }) {
  const id = useId();
  const { name, label, isRequired, widget } = field;
  const value = form.draft[name] ?? "";
  const issue = form.issues.get(name);
  const onChange = (next: string): void => form.onChange(name, next);
  // A button that goes with its file is not left, though nothing has the focus next.
  const leave = ({ relatedTarget, target }: FocusEvent): unknown =>
    (relatedTarget || !target.matches("button")) && form.onTouch(name);
  return (
    <div className="field" data-name={name} onBlur={leave}>
      {widget.kind !== "flag" && (
        <span className="row">
          <label htmlFor={id} title={name}>
            <b>{label}</b>
            {isRequired && (
              <span aria-hidden="true" className="issue">
                {" *"}
              </span>
            )}
          </label>
          {value !== "" && widget.kind !== "seed" && field.fallback !== undefined && (
            <button
              type="button"
              className="small end"
              aria-label={`Take the default of ${label}`}
              onClick={() => onChange("")}
            >
              default
            </button>
          )}
        </span>
      )}
      <Control
        {...{ field, value, onChange }}
        attributes={{
          id,
          "aria-describedby": `${id}-note`,
          "aria-invalid": issue !== undefined,
          "aria-required": isRequired,
        }}
        onGive={form.onGive}
      />
      <span id={`${id}-note`} className={issue === undefined ? "hint" : "small issue"}>
        {issue ?? field.description}
      </span>
    </div>
  );
}

function Control(props: Omit<Parameters<typeof FileControl>[0], "widget">) {
  const { widget } = props.field;
  switch (widget.kind) {
    case "text":
    case "json":
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
      return <FileControl {...props} widget={widget} />;
  }
}
