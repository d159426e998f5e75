import { useCallback, useEffect, useRef, useState } from "react";

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

  return {
    ids,
    selected: rows.filter(({ id }) => ids.has(id)),
    toggle,
    selectAll: () => setIds(new Set(rows.map(({ id }) => id))),
    /** Whether all jobs that fit are meant, loaded or not. */
    hasAll,
    selectAllThatFit: () => setHasAll(true),
    clear() {
      setIds(new Set());
      setHasAll(false);
    },
    drop: (dropped: readonly string[]) =>
      setIds((before) => new Set([...before].filter((id) => !dropped.includes(id)))),
  };
}
