import { type FocusEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";

import {
  type Draft,
  idsOf,
  insideOf,
  isFilled,
  jsonOf,
  nextId,
  toIdsText,
  toJsonText,
  without,
} from "../model/draft";
import type { Field } from "../model/fields";
import { toFormDraft, toJsonDraft } from "../model/input";
import { isText } from "../model/json";
import { Unfolding } from "../ui/unfolding";
import { type ControlProps, formatBounds, TextControl, toNote } from "./controls";

/** Where something is lost it can be undone. */
export type OnEdit = (edit: (draft: Draft) => Draft, isLoss?: boolean) => void;

type Props = {
  readonly field: Field;
  readonly draft: Draft;
  /** By the paths of fields. */
  readonly issues: ReadonlyMap<string, string>;
  readonly onChange: (path: string, value: string) => void;
  readonly onEdit: OnEdit;
  readonly onBlur: (event: FocusEvent) => void;
  /** Of a field inside, with what stands beside its label. */
  readonly toRow: (field: Field, aside?: ReactNode) => ReactNode;
  readonly aside: ReactNode;
};

/** A field with others inside: an object, a list, or one of several things; or the same as JSON. */
export function NestedField(props: Props) {
  const { field, draft, issues, onEdit, onBlur, aside } = props;
  const { name, path, label, isRequired, widget } = field;
  const id = useId();
  /** Why it was not switched over, and for which draft. */
  const [refused, setRefused] = useState({ draft: "", why: "" });
  const json = jsonOf(field, draft);
  const form = json === null ? null : toFormDraft(field, draft);
  const isRefused = refused.why !== "" && refused.draft === JSON.stringify(draft);
  const issue = isRefused ? refused.why : issues.get(path);
  const attributes = {
    id: `${id}-control`,
    "aria-describedby": `${id}-note`,
    "aria-invalid": issue !== undefined,
    "aria-required": isRequired,
  };
  const switchOver = (): void => {
    const next = form ?? toJsonDraft(field, draft);
    if (isText(next)) setRefused({ draft: JSON.stringify(draft), why: next });
    else onEdit(() => next);
  };
  return (
    <div
      role="group"
      className="field run-nested"
      data-name={path}
      aria-labelledby={`${id}-label`}
      onBlur={onBlur}
    >
      <span className="row">
        <b id={`${id}-label`} title={name}>
          {label}
        </b>
        {isRequired && widget.kind !== "object" && (
          <span aria-hidden="true" className="issue">
            *
          </span>
        )}
        <span className="hint grow">{json === null && toCountText(field, draft)}</span>
        {isFilled(field, draft) && aside === undefined && (
          <button
            type="button"
            className="small"
            aria-label={`Clear ${label}`}
            onClick={() => onEdit((now) => without(field, now), true)}
          >
            Clear
          </button>
        )}
        <button
          type="button"
          className="small"
          aria-label={`${label} as JSON`}
          aria-pressed={json !== null}
          // Nothing else of an object can have the focus where it is wrong as a whole.
          aria-invalid={widget.kind === "object" && json === null && issue !== undefined}
          onClick={switchOver}
        >
          JSON
        </button>
        {aside}
      </span>
      <span
        id={`${id}-note`}
        role="status"
        className={issue === undefined ? "hint" : "small issue"}
      >
        {issue ?? (json?.trim() && isText(form) ? form : toNote(field))}
      </span>
      {json === null ? (
        <Inside {...props} attributes={attributes} />
      ) : (
        <TextControl
          field={field}
          widget={{ kind: "json" }}
          value={json}
          attributes={{ ...attributes, "aria-label": `${label}, JSON` }}
          onChange={(text) => props.onChange(path, toJsonText(text))}
        />
      )}
    </div>
  );
}

type InsideProps = Omit<Props, "onBlur" | "aside"> & {
  /** Of what has the focus where something is wrong with the whole. */
  readonly attributes: ControlProps<"json">["attributes"];
};

function Inside(props: InsideProps) {
  const { field, draft, issues, toRow } = props;
  const { path, widget, isRequired } = field;
  const inside = insideOf(field, draft);
  if (widget.kind === "list") return <Items {...props} items={inside} />;
  if (widget.kind === "variants")
    return <Variants {...props} chosen={inside[0]} variants={widget.variants} />;
  const rows = <Rows fields={inside} toRow={toRow} />;
  if (isRequired) return rows;
  return (
    <Unfolding
      isOpenFirst={isFilled(field, draft)}
      isForced={[...issues.keys()].some((one) => one.startsWith(`${path}/`))}
      summary={<span className="hint">{inside.map(({ label }) => label).join(", ")}</span>}
    >
      {rows}
    </Unfolding>
  );
}

function Rows({ fields, toRow }: { readonly fields: readonly Field[] } & Pick<Props, "toRow">) {
  return <div className="two run-fields run-inside">{fields.map((field) => toRow(field))}</div>;
}

/** The items of a list with what reorders them; the focus goes with what is moved, and on to what comes next. */
function Items({
  field,
  items,
  draft,
  attributes: { "aria-required": _isRequired, ...attributes },
  onChange,
  onEdit,
  toRow,
}: InsideProps & { readonly items: readonly Field[] }) {
  const { path, widget } = field;
  const list = useRef<HTMLDivElement>(null);
  const wanted = useRef("");
  useEffect(() => {
    const place = wanted.current && list.current?.querySelector<HTMLElement>(wanted.current);
    if (place) focusIn(place);
    wanted.current = "";
  });
  if (widget.kind !== "list") return null;
  const ids = idsOf(field, draft);
  const setIds = (next: readonly string[], focus: string): void => {
    wanted.current = focus;
    onChange(path, toIdsText(next));
  };
  const add = (): void => {
    const id = nextId(ids);
    setIds([...ids, id], `:scope > ol > [data-item="${id}"]`);
  };
  const move = (index: number, by: number): void => {
    const id = ids[index] ?? "";
    const next = ids.toSpliced(index, 1).toSpliced(index + by, 0, id);
    setIds(next, toButton(id, by < 0 ? "up" : "down"));
  };
  const remove = (index: number): void => {
    const next = ids[index + 1] ?? ids[index - 1];
    const item = items[index];
    wanted.current = next === undefined ? ":scope > button" : toButton(next, "remove");
    const text = toIdsText(ids.toSpliced(index, 1));
    if (item) onEdit((now) => ({ ...without(item, now), [path]: text }), true);
  };
  const next = widget.item("", items.length);
  return (
    <div ref={list} className="stack run-inside">
      <ol className="stack run-items">
        {items.map((item, index) => {
          const isAt = { up: index === 0, down: index === items.length - 1 };
          return (
            <li key={item.path} data-item={ids[index]}>
              {toRow(
                item,
                <span className="row tight">
                  {(items.length > 1 ? WAYS : []).map((way) => (
                    <button
                      key={way}
                      type="button"
                      className="small"
                      data-act={way}
                      aria-label={`Move ${item.label} ${way}`}
                      aria-disabled={isAt[way]}
                      onClick={() => isAt[way] || move(index, way === "up" ? -1 : 1)}
                    >
                      {way === "up" ? "↑" : "↓"}
                    </button>
                  ))}
                  <button
                    type="button"
                    className="small"
                    data-act="remove"
                    aria-label={`Remove ${item.label}`}
                    onClick={() => remove(index)}
                  >
                    Remove
                  </button>
                </span>,
              )}
            </li>
          );
        })}
      </ol>
      {items.length < widget.most && (
        <button {...attributes} type="button" className="run-add" onClick={add}>
          Add {next.label}
        </button>
      )}
    </div>
  );
}

const WAYS = ["up", "down"] as const;

function toButton(id: string, act: string): string {
  return `:scope > ol > [data-item="${id}"] [data-act="${act}"]`;
}

/** A button itself, or the first control of an item, but for those that move it. */
function focusIn(place: HTMLElement): void {
  const controls = place.querySelectorAll<HTMLElement>("input:not([hidden]), select, textarea");
  (place.matches("button") ? place : (controls[0] ?? place.querySelector("button")))?.focus();
}

function Variants({
  field,
  chosen,
  variants,
  draft,
  attributes,
  onChange,
  onEdit,
  toRow,
}: InsideProps & { readonly chosen: Field | undefined; readonly variants: readonly Field[] }) {
  const [index = ""] = idsOf(field, draft);
  return (
    <>
      <select
        {...attributes}
        aria-label={`Kind of ${field.label}`}
        value={index}
        onChange={({ target: { value } }) =>
          value === ""
            ? onEdit((now) => without(field, now), true)
            : onChange(field.path, toIdsText([value]))
        }
      >
        <option value="">{field.isRequired ? "Choose one" : "Not set"}</option>
        {variants.map(({ label }, nth) => (
          <option key={label} value={nth}>
            {label}
          </option>
        ))}
      </select>
      {chosen && (
        <Rows
          fields={chosen.path === field.path ? insideOf(chosen, draft) : [chosen]}
          toRow={toRow}
        />
      )}
    </>
  );
}

/** How many are in it, or how many may be. */
function toCountText(field: Field, draft: Draft): string {
  const { widget, isRequired } = field;
  const inside = insideOf(field, draft);
  if (widget.kind === "list") {
    const { least, most } = widget;
    const bounds = formatBounds(least || null, Number.isFinite(most) ? most : null);
    return [inside.length || "none", ...bounds].join(", ");
  }
  if (widget.kind !== "object" || isRequired) return "";
  const filled = inside.filter((one) => isFilled(one, draft)).length;
  return filled === 0 ? "not set" : `${filled} set`;
}
