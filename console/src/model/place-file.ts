import { type Draft, toLines } from "./draft";
import type { Field } from "./fields";

/** A slot of a field for files. */
export type Slot = { readonly name: string; readonly index: number };

/** Where a file goes: to the slot that was meant, or the first that is free and takes its type; `isFirst` may replace another. */
export function findSlot(
  fields: readonly Field[],
  draft: Draft,
  type: string,
  meant: Slot | null,
  isFirst = true,
): (Slot & { readonly label: string }) | null {
  const fitting = fields.flatMap(({ name, label, widget }) => {
    if (widget.kind !== "file" && widget.kind !== "files") return [];
    const index = toLines(draft[name]).length;
    const most = widget.kind === "file" ? 1 : widget.most;
    return isTaken(type, widget.accept) ? [{ name, label, index, most }] : [];
  });
  const isFree = ({ index, most }: { index: number; most: number }): boolean => index < most;
  const named = fitting.find(({ name }) => name === meant?.name);
  const field =
    (named && (isFirst || isFree(named)) ? named : undefined) ??
    fitting.find(isFree) ??
    (isFirst ? fitting[0] : undefined);
  if (field === undefined) return null;
  const { name, label, most } = field;
  const free = Math.min(field.index, most - 1);
  const index = isFirst && meant !== null && field === named ? meant.index : free;
  return { name, index, label: most > 1 ? `${label}, ${index + 1}` : label };
}

/** A draft with a file, or an address, in a slot; an empty text empties it. */
export function putInto(draft: Draft, { name, index }: Slot, text: string): Draft {
  const lines = toLines(draft[name]).toSpliced(index, 1, text);
  return { ...draft, [name]: lines.filter((line) => line !== "").join("\n") };
}

/** A draft with one text for another, wherever that stands. */
export function exchange(draft: Draft, from: string, to: string): Draft {
  const texts = Object.entries(draft).map(([name, text]) => {
    const lines = text.split("\n").map((line) => (line === from ? to : line));
    return [name, lines.join("\n")] as const;
  });
  return Object.fromEntries(texts);
}

/** Of an address nobody knows the type. */
function isTaken(type: string, accept: string): boolean {
  return type === "" || accept.split(",").some((one) => type.startsWith(one.replace("*", "")));
}
