import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type RefObject, useEffect, useState } from "react";
import { useLocation } from "wouter";

import type { Selection } from "../actions/use-selection";
import type { JobList, Row } from "../session/job-list";
import { usePrices } from "../session/part";
import { useStore } from "../session/store";
import { phone } from "../ui/phone";
import { JobRow } from "./job-row";

const HEADINGS = ["Prompt", "Deployment", "Owner", "Status", "Queued", "Ran", "Cost", "When"];
const HEADER_HEIGHT = 34;
const ROW_HEIGHT = 56;
const CARD_HEIGHT = 100;
/** Empty rows that stand for what is being read. */
const COMING = 8;
/** So little is not scrolled down yet. */
const TOP = 4;

/** Gives the focus to the current row, where it was lost together with what had it. */
export function catchFocus(): void {
  const isLost = document.activeElement?.matches("body, main") === true;
  if (!isLost) return;
  const row = document.querySelector<HTMLElement>('[role="grid"] [tabindex="0"]');
  row?.focus({ preventScroll: true });
}

/** The rows that are in view, of however many there are. */
export function JobTable({
  scroller,
  list,
  rows,
  total,
  isMoreComing,
  hasOwners,
  selection,
}: {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly list: JobList;
  readonly rows: readonly Row[];
  readonly total: number | null | undefined;
  readonly isMoreComing: boolean;
  readonly hasOwners: boolean;
  readonly selection: Selection;
}) {
  const [, navigate] = useLocation();
  const hasCosts = usePrices();
  const isPhone = useStore(phone);
  const header = isPhone ? 0 : HEADER_HEIGHT;
  const height = isPhone ? CARD_HEIGHT : ROW_HEIGHT;
  const [current, setCurrent] = useState(list.current.id);
  const found = rows.findIndex(({ id }) => id === current);
  // In the place of one that was deleted is now the next.
  const at = found < 0 ? Math.max(0, Math.min(list.current.index, rows.length - 1)) : found;
  useEffect(() => {
    list.current = { id: current, index: at };
  }, [list, current, at]);
  useEffect(() => {
    if (list.current.id === "") return undefined;
    const frame = requestAnimationFrame(catchFocus);
    return () => cancelAnimationFrame(frame);
  }, [list]);

  const virtualizer = useVirtualizer({
    count: rows.length + (isMoreComing ? COMING : 0),
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    getItemKey: (index) => rows[index]?.id ?? index,
    initialOffset: list.offset,
    scrollMargin: header,
    scrollPaddingStart: header,
    overscan: 8,
    // The row that has the focus stays, wherever one scrolls.
    rangeExtractor: (range) =>
      [...new Set([at, ...defaultRangeExtractor(range)])]
        .filter((index) => index < range.count)
        .toSorted((one, other) => one - other),
  });
  useEffect(() => virtualizer.measure(), [virtualizer, height]);

  const { startIndex = 0, endIndex = 0 } = virtualizer.range ?? {};
  const offset = virtualizer.scrollOffset ?? 0;
  const isAtTop = offset <= TOP;
  useEffect(() => {
    list.offset = offset;
  }, [list, offset]);
  useEffect(() => {
    list.setViewport({ first: startIndex, last: endIndex, isAtTop });
  }, [list, startIndex, endIndex, isAtTop]);

  function goTo(index: number): void {
    const row = rows[Math.min(Math.max(index, 0), rows.length - 1)];
    if (row === undefined) return;
    setCurrent(row.id);
    virtualizer.scrollToIndex(rows.indexOf(row));
    requestAnimationFrame(() =>
      scroller.current
        ?.querySelector<HTMLElement>(`[data-id="${row.id}"]`)
        ?.focus({ preventScroll: true }),
    );
  }

  function press(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || rows.length === 0) return;
    const page = Math.max(1, endIndex - startIndex - 2);
    const steps: Readonly<Record<string, () => void>> = {
      ArrowDown: () => goTo(at + 1),
      ArrowUp: () => goTo(at - 1),
      PageDown: () => goTo(at + page),
      PageUp: () => goTo(at - page),
      Home: () => goTo(0),
      End: () => goTo(rows.length - 1),
      Enter: () => navigate(`/jobs/${rows[at]?.id ?? ""}`),
      " ": () => selection.toggle(rows[at]?.id ?? "", event.shiftKey),
    };
    const step = Object.hasOwn(steps, event.key) ? steps[event.key] : undefined;
    if (step === undefined) return;
    event.preventDefault();
    step();
  }

  return (
    <div
      role="grid"
      aria-label="Jobs"
      aria-rowcount={typeof total === "number" ? total + 1 : -1}
      aria-multiselectable
      className={`jobs-table ${hasOwners ? "jobs-with-owners" : ""} ${hasCosts ? "jobs-with-costs" : ""}`}
      ref={scroller}
      onKeyDown={press}
    >
      <div role="row" aria-rowindex={1} className="jobs-headings hint">
        {["Select", "Picture"].map((name) => (
          <span role="columnheader" key={name}>
            <span className="unseen">{name}</span>
          </span>
        ))}
        {HEADINGS.filter(
          (name) => (hasOwners || name !== "Owner") && (hasCosts || name !== "Cost"),
        ).map((name) => (
          <span role="columnheader" key={name}>
            {name}
          </span>
        ))}
      </div>
      <div
        role="rowgroup"
        className="jobs-rows"
        style={{ height: virtualizer.getTotalSize() }}
        onClickCapture={selection.onClickCapture}
      >
        {virtualizer.getVirtualItems().map(({ index, key, start }) => {
          const job = rows[index];
          const top = start - header;
          return job === undefined ? (
            <div
              key={key}
              className="jobs-row jobs-coming"
              aria-hidden
              style={{ transform: `translateY(${top}px)` }}
            />
          ) : (
            <JobRow
              key={key}
              job={job}
              index={index}
              top={top}
              isSelected={selection.ids.has(job.id)}
              isCurrent={index === at}
              isUnmatched={list.isUnmatched(job)}
              hasOwner={hasOwners}
              hasCost={hasCosts}
              onSelect={selection.toggle}
              onFocus={setCurrent}
            />
          );
        })}
      </div>
    </div>
  );
}
