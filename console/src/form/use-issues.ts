import { useMemo } from "react";

import type { Draft } from "./draft";
import type { Field } from "./fields";
import { type Issue, placeIssues } from "./issues";
import { isToken, toLines } from "./place-file";

/** What stands beside each field: what can't be read, then what the last submit said of it, then what a check says. */
export function useIssues({
  fields,
  draft,
  problems,
  touched,
  sent,
  refused,
  checked,
}: {
  readonly fields: readonly Field[];
  readonly draft: Draft;
  readonly problems: ReadonlyMap<string, string>;
  readonly touched: ReadonlySet<string>;
  /** The draft as it was submitted last; null where that no longer matters. */
  readonly sent: Draft | null;
  readonly refused: readonly Issue[];
  readonly checked: readonly Issue[];
}): { readonly beside: ReadonlyMap<string, string>; readonly others: readonly string[] } {
  const refusal = useMemo(() => placeIssues(fields, refused), [fields, refused]);
  const check = useMemo(() => placeIssues(fields, checked), [fields, checked]);
  const beside = new Map<string, string>();
  for (const { name } of fields) {
    // A file is on its way, and then it is there.
    if (toLines(draft[name]).some(isToken)) continue;
    const isBegun = touched.has(name) || (draft[name] ?? "") !== "";
    const issue =
      (touched.has(name) ? problems.get(name) : undefined) ??
      (sent !== null && sent[name] === draft[name] ? refusal.beside.get(name) : undefined) ??
      (isBegun ? check.beside.get(name) : undefined);
    if (issue !== undefined) beside.set(name, issue);
  }
  return { beside, others: refusal.others };
}
