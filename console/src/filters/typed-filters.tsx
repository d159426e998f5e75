import { useEffect, useRef } from "react";

import { type Filters, readFilters, STATUSES } from "../model/filters";
import { TagInput } from "../ui/selects";
import type { Asked } from "./use-filters";

/**
 * The filters that are typed or ticked. They apply at the browser's `change` event: a word when it loses the focus or Enter
 * is pressed, as a part of it finds nothing; a day whenever it is complete. While a year is typed it is 2, then 20, then
 * 202: none of them counts, but each has to stay.
 */
export function TypedFilters({ screen, filters, hasOwners, onChange }: Asked) {
  const form = useRef<HTMLFormElement>(null);
  const typed = (): Partial<Filters> =>
    withoutOthers(readFilters(new FormData(form.current ?? undefined)));
  const chosen = JSON.stringify(withoutOthers(filters));
  useEffect(() => {
    if (JSON.stringify(typed()) !== chosen) form.current?.reset();
  }, [chosen]);
  const { status, from, to, tag, owner } = filters;
  return (
    <form
      ref={form}
      className="stack"
      onChange={() => onChange(typed())}
      onSubmit={(event) => event.preventDefault()}
    >
      {screen === "jobs" && (
        <div role="group" aria-label="Status" className="two">
          {STATUSES.map(({ word, name }) => (
            <label key={word} className="check">
              <input
                type="checkbox"
                name="status"
                value={word}
                defaultChecked={status.includes(word)}
              />
              {name}
            </label>
          ))}
        </div>
      )}
      <div className="two">
        <label className="field">
          From
          <input type="date" name="from" defaultValue={from} max={to} />
        </label>
        <label className="field">
          To
          <input type="date" name="to" defaultValue={to} min={from} />
        </label>
      </div>
      <label className="field">
        Tag
        <TagInput defaultValue={tag} placeholder="Any" />
      </label>
      {hasOwners && (
        <label className="field">
          Owner
          <input name="owner" defaultValue={owner} placeholder="Any" />
        </label>
      )}
    </form>
  );
}

/** What is not typed here is asked for by itself. */
function withoutOthers({ status, from, to, tag, owner }: Filters): Partial<Filters> {
  return { status, from, to, tag, owner };
}
