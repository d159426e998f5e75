import {
  type Draft,
  findField,
  idsOf,
  jsonOf,
  nextId,
  toIdsText,
  toLines,
  withInside,
} from "./draft";
import { type Field, isForFiles } from "./fields";

/** A slot of a field for files, by the path of the field. */
export type Slot = {
  readonly path: string;
  readonly index: number;
  /** What a draft has besides where the slot is in a new item of a list. */
  readonly added?: Draft;
};
type Named = Slot & { readonly label: string };

/** Where a file goes: to the slot that was meant, or the first that is free and takes its type; `isFirst` may replace another. */
export function findSlot(
  fields: readonly Field[],
  draft: Draft,
  type: string,
  meant: Slot | null,
  isFirst = true,
): Named | null {
  const meantField = meant && findField(fields, meant.path, draft);
  const all = [...new Set([...withInside(fields, draft), ...(meantField ? [meantField] : [])])];
  const fitting = all.flatMap(({ path, label, widget }) => {
    if (!isForFiles(widget)) return [];
    const index = toLines(draft[path]).length;
    const most = widget.kind === "file" ? 1 : widget.most;
    return isTaken(type, widget.accept) ? [{ path, label, index, most }] : [];
  });
  const isFree = ({ index, most }: { index: number; most: number }): boolean => index < most;
  const named = fitting.find(({ path }) => path === meant?.path);
  const taking = (named && (isFirst || isFree(named)) ? named : undefined) ?? fitting.find(isFree);
  const added = taking ? null : findInNewItem(all, draft, type);
  const field = taking ?? (isFirst ? fitting[0] : undefined);
  if (added || field === undefined) return added;
  const { path, label, most } = field;
  const free = Math.min(field.index, most - 1);
  const index = isFirst && meant !== null && field === named ? meant.index : free;
  const parent = all.findLast((one) => path.startsWith(`${one.path}/`));
  const name = parent ? `${parent.label}, ${label}` : label;
  return { path, index, label: most > 1 ? `${name}, ${index + 1}` : name };
}

/** Of a path to a list that gets an item for a file: a schema may have lists of itself. */
const MAX_STEPS = 6;

/** A slot in one more item of a list that has room. */
function findInNewItem(fields: readonly Field[], draft: Draft, type: string): Named | null {
  for (const list of fields) {
    const { path, widget } = list;
    const ids = idsOf(list, draft);
    const isDeep = path.split("/").length > MAX_STEPS;
    if (widget.kind !== "list" || isDeep || jsonOf(list, draft) !== null) continue;
    if (ids.length >= widget.most) continue;
    const id = nextId(ids);
    const added = { [path]: toIdsText([...ids, id]) };
    const slot = findSlot([widget.item(id, ids.length)], {}, type, null);
    if (slot) return { ...slot, added: { ...added, ...slot.added } };
  }
  return null;
}

/** A draft with a file, or an address, in a slot; an empty text empties it. */
export function putInto(draft: Draft, { path, index, added }: Slot, text: string): Draft {
  const lines = toLines(draft[path]).toSpliced(index, 1, text);
  return { ...draft, ...added, [path]: lines.filter((line) => line !== "").join("\n") };
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
