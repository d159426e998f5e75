import { type MouseEvent, useCallback, useEffect, useEffectEvent, useRef, useState } from "react";

import type { JobRowFragment } from "../gql";

export type Selection<Row extends Named = JobRowFragment> = ReturnType<typeof useSelection<Row>>;

type Named = { readonly id: string };
/** Where the selection outlives the screen. */
type Keeper = { selected: ReadonlySet<string> };

/** Which of the rows of a list are selected; one that is no longer among them counts no longer. */
export function useSelection<Row extends Named>(list: Keeper, rows: readonly Row[]) {
  const [ids, setIds] = useState(list.selected);
  const [hasAll, setHasAll] = useState(false);
  const shown = useRef(rows);
  useEffect(() => {
    list.selected = ids;
    shown.current = rows;
  }, [list, ids, rows]);
  /** Where a range begins. */
  const anchor = useRef<string | null>(null);

  const toggle = useCallback((id: string, isRange: boolean) => {
    const order = shown.current.map((row) => row.id);
    const [from, to] = [order.indexOf(anchor.current ?? ""), order.indexOf(id)];
    anchor.current = id;
    setHasAll(false);
    setIds((before) => {
      if (isRange && from >= 0)
        return new Set([...before, ...order.slice(Math.min(from, to), Math.max(from, to) + 1)]);
      return new Set(before.has(id) ? [...before].filter((one) => one !== id) : [...before, id]);
    });
  }, []);

  const selected = rows.filter(({ id }) => ids.has(id));
  const isAny = hasAll || selected.length > 0;

  function clear(): void {
    setIds(new Set());
    setHasAll(false);
    // What had the focus may go with it.
    requestAnimationFrame(() => {
      if (document.activeElement !== document.body) return;
      const link = document.querySelector<HTMLElement>(`[data-opens="${anchor.current}"]`);
      (link?.closest<HTMLElement>('[role="row"]') ?? link)?.focus({ preventScroll: true });
    });
  }

  const press = useEffectEvent((event: KeyboardEvent) => {
    const { target, key } = event;
    // What is open above it closes first, and a field has a use of its own for the key.
    const isOthers =
      document.querySelector("dialog[open], :popover-open") !== null ||
      (target instanceof Element && target.matches(FIELD));
    if (key !== "Escape" || event.defaultPrevented || isOthers) return;
    event.preventDefault();
    clear();
  });
  useEffect(() => {
    if (!isAny) return undefined;
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [isAny]);

  return {
    ids,
    selected,
    toggle,
    /**
     * For an element around links that open a row, whose `data-opens` is the row's id: while anything is selected a click
     * selects, and with Shift a range. Enter still opens, and with Ctrl or ⌘ it is a new tab.
     */
    onClickCapture(event: MouseEvent): void {
      const { target, detail, ctrlKey, metaKey, altKey, shiftKey } = event;
      const link = target instanceof Element && target.closest<HTMLElement>("[data-opens]");
      const id = link ? link.dataset["opens"] : undefined;
      if (!isAny || id === undefined || detail === 0 || ctrlKey || metaKey || altKey) return;
      event.preventDefault();
      toggle(id, shiftKey);
    },
    selectAll: () => setIds(new Set(rows.map(({ id }) => id))),
    /** Whether all jobs that fit are meant, loaded or not. */
    hasAll,
    selectAllThatFit: () => setHasAll(true),
    clear,
    drop: (dropped: readonly string[]) =>
      setIds((before) => new Set([...before].filter((id) => !dropped.includes(id)))),
  };
}

const FIELD = "input:not([type=checkbox], [type=range]), select, textarea";
