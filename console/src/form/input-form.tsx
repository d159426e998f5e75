import { type KeyboardEvent, type ReactNode, type Ref, useState } from "react";

import type { Draft } from "./draft";
import { FieldRow } from "./field-row";
import type { Field } from "./fields";
import { SizeControl } from "./size-control";
import { findSides } from "./sizes";
import type { OnGive } from "./file-controls";

/** The fields of an input, those that are seldom used folded away until one of them matters. */
export function InputForm({
  ref,
  fields,
  draft,
  issues,
  onChange,
  onTouch,
  onGive,
  onSubmit,
  children,
}: {
  readonly ref: Ref<HTMLFormElement>;
  readonly fields: readonly Field[];
  readonly draft: Draft;
  /** By field. */
  readonly issues: ReadonlyMap<string, string>;
  readonly onChange: (name: string, value: string) => void;
  readonly onTouch: (name: string) => void;
  readonly onGive: OnGive;
  readonly onSubmit: () => void;
  readonly children: ReactNode;
}) {
  const [isOpened, setIsOpened] = useState(false);
  const folded = fields.filter(({ isFolded }) => isFolded);
  const filled = folded.filter(({ name }) => (draft[name] ?? "") !== "").length;
  const isWrong = folded.some(({ name }) => issues.has(name));
  const sides = findSides(fields);
  // Where width is, the size is.
  const isPlain = (field: Field): boolean => !field.isFolded && field !== sides?.height;
  const toRow = (field: Field): ReactNode =>
    sides && field === sides.width ? (
      <SizeControl
        key={field.name}
        {...{ sides, draft, onChange }}
        isWrong={issues.has(sides.width.name) || issues.has(sides.height.name)}
      >
        {[sides.width, sides.height].map(toPlainRow)}
      </SizeControl>
    ) : (
      toPlainRow(field)
    );
  const toPlainRow = (field: Field): ReactNode => (
    <FieldRow
      key={field.name}
      field={field}
      value={draft[field.name] ?? ""}
      issue={issues.get(field.name) ?? ""}
      {...{ onChange, onTouch, onGive }}
    />
  );
  return (
    <form
      ref={ref}
      className="card run-form"
      aria-label="Input"
      noValidate
      onKeyDown={refuseEnter}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      <div className="run-fields">{fields.filter(isPlain).map(toRow)}</div>
      {folded.length > 0 && (
        <details
          open={isOpened || isWrong}
          onToggle={({ currentTarget }) => setIsOpened(currentTarget.open)}
        >
          <summary>
            More
            {filled > 0 && <span className="hint"> ({filled} set)</span>}
          </summary>
          <div className="run-fields">{folded.map(toRow)}</div>
        </details>
      )}
      {children}
    </form>
  );
}

/** A run costs money, so that Enter in a field does not start one; with Ctrl it does. */
function refuseEnter(event: KeyboardEvent): void {
  if (event.key === "Enter" && event.target instanceof HTMLInputElement) event.preventDefault();
}
