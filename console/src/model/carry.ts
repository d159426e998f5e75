import type { Draft } from "./draft";
import type { Field } from "./fields";
import { parseJson } from "./json";

/** A draft for other fields, with what was typed for these wherever a field of the same name takes it. */
export function carry(
  from: readonly Field[],
  typed: Draft,
  to: readonly Field[],
  draft: Draft,
): Draft {
  const carried = { ...draft };
  for (const { name, widget } of from) {
    const text = typed[name] ?? "";
    const taker = to.find((field) => field.name === name);
    if (text !== "" && taker?.widget.kind === widget.kind && isTaken(taker, text))
      carried[name] = text;
  }
  return carried;
}

function isTaken({ widget }: Field, text: string): boolean {
  if (widget.kind === "choice") return widget.options.includes(parseJson(text));
  if (widget.kind !== "number")
    // A seed makes another picture elsewhere, and JSON is of one deployment.
    return widget.kind !== "seed" && widget.kind !== "json";
  const { minimum, maximum } = widget;
  return Number(text) >= (minimum ?? -Infinity) && Number(text) <= (maximum ?? Infinity);
}
