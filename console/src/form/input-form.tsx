import { type FocusEvent, type ReactNode, useId } from "react";

import { type Draft, isNested } from "../model/draft";
import type { Field } from "../model/fields";
import type { Slot } from "../model/place-file";
import { findPrompt } from "../model/prompt";
import { findSides, formatLength } from "../model/sizes";
import { later } from "../ui/later";
import { Unfolding } from "../ui/unfolding";
import {
  ChoiceControl,
  FlagControl,
  NumberControl,
  SeedControl,
  TextControl,
  toNote,
} from "./controls";
import type { OnEdit } from "./nested-field";
import { PickControl } from "./picks";
import { SizeControl } from "./size-control";

const FileControl = later(
  async () => (await import("./file-controls")).FileControl,
  <span className="run-drop" />,
);

const NestedField = later(async () => (await import("./nested-field")).NestedField);

type Form = {
  readonly draft: Draft;
  /** By the paths of fields, as are changes. */
  readonly issues: ReadonlyMap<string, string>;
  readonly onChange: (path: string, value: string) => void;
  readonly onEdit: OnEdit;
  readonly onTouch: (path: string) => void;
  readonly onGive: (files: readonly File[], slot: Slot) => void;
};

/** The fields of an input, those that are seldom used folded away until one of them matters. */
export function Fields({
  fields,
  prompts,
  ...form
}: Form & {
  readonly fields: readonly Field[];
  /** Beside what the prompt is called. */
  readonly prompts: ReactNode;
}) {
  const { draft, issues } = form;
  const folded = fields.filter(({ isFolded }) => isFolded);
  const filled = folded.filter(({ path }) => draft[path]).length;
  const sides = findSides(fields);
  const asked = findPrompt(fields);
  const toPlainRow = (field: Field): ReactNode => (
    <FieldRow
      key={field.path}
      {...{ field, form }}
      length={formatLength(field, fields, draft)}
      aside={field === asked ? prompts : undefined}
    />
  );
  const toRow = (field: Field): ReactNode => {
    if (field !== sides?.width) return toPlainRow(field);
    const both = [sides.width, sides.height];
    const isWrong = both.some(({ path }) => issues.has(path));
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
          isForced={folded.some(({ path }) => issues.has(path))}
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
function FieldRow({
  field,
  form,
  length,
  aside,
}: {
  readonly field: Field;
  readonly form: Form;
  /** What its number comes to, where it does not say so itself. */
  readonly length?: string;
  /** What stands beside the label. */
  readonly aside?: ReactNode;
}) {
  const id = useId();
  const { name, path, label, isRequired, widget } = field;
  const value = form.draft[path] ?? "";
  const issue = form.issues.get(path);
  const onChange = (next: string): void => form.onChange(path, next);
  // A button that goes with its file is not left, though nothing has the focus next.
  const leave = ({ currentTarget, relatedTarget, target }: FocusEvent): void => {
    const isLeft =
      relatedTarget instanceof Node
        ? !currentTarget.contains(relatedTarget)
        : !target.matches("button");
    if (isLeft) form.onTouch(path);
  };
  if (widget.kind === "constant") return null;
  if (isNested(field))
    return (
      <NestedField
        {...{ field, aside, ...form }}
        onBlur={leave}
        toRow={(one, beside) => <FieldRow key={one.path} field={one} form={form} aside={beside} />}
      />
    );
  return (
    <div className="field" data-name={path} onBlur={leave}>
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
          <span className="hint">{length}</span>
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
          {aside && <span className="end">{aside}</span>}
        </span>
      )}
      {widget.kind === "flag" && aside}
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
        {issue ?? toNote(field)}
      </span>
    </div>
  );
}

/** Of a choice that are all in sight. */
const MAX_PICKS = 24;

function Control(props: Omit<Parameters<typeof FileControl>[0], "widget">): ReactNode {
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
      return props.field.measure === null || widget.options.length > MAX_PICKS ? (
        <ChoiceControl {...props} widget={widget} />
      ) : (
        <PickControl {...props} widget={widget} />
      );
    case "flag":
      return <FlagControl {...props} widget={widget} />;
    case "file":
    case "files":
      return <FileControl {...props} widget={widget} />;
    case "object":
    case "list":
    case "variants":
    case "constant":
      return null;
  }
}
