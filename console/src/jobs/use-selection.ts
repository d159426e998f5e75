import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import type { JobList, Row } from "./live-job-list";

export type Selection = ReturnType<typeof useSelection>;

/** Which of the rows of a list are selected; one that is no longer among them counts no longer. */
export function useSelection(list: JobList, rows: readonly Row[]) {
  const [ids, setIds] = useState(list.selected);
  const [hasAll, setHasAll] = useState(false);
  useEffect(() => {
    list.selected = ids;
  }, [list, ids]);
  /** Where a range begins. */
  const anchor = useRef<string | null>(null);
  const shown = useRef(rows);
  useEffect(() => {
    shown.current = rows;
  }, [rows]);

  const toggle = useCallback((id: string, isRange: boolean) => {
    const from = shown.current.findIndex((row) => row.id === anchor.current);
    const to = shown.current.findIndex((row) => row.id === id);
    anchor.current = id;
    setHasAll(false);
    setIds((before) => {
      const after = new Set(before);
      if (isRange && from >= 0 && to >= 0) {
        const range = shown.current.slice(Math.min(from, to), Math.max(from, to) + 1);
        for (const row of range) after.add(row.id);
      } else if (!after.delete(id)) after.add(id);
      return after;
    });
  }, []);

  const selected = useMemo(
    () => (ids.size === 0 ? [] : rows.filter(({ id }) => ids.has(id))),
    [ids, rows],
  );
  return {
    ids,
    selected,
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
      setIds((before) => {
        const after = new Set(before);
        for (const id of dropped) after.delete(id);
        return after;
      }),
  };
}
