import { useEffect, useRef } from "react";

import {
  dayBefore,
  type Filters,
  MAX_TAG_LENGTH,
  NO_FILTERS,
  readFilters,
  STATUSES,
} from "../model/filters";
import { clock } from "../session/store";
import { Search } from "../ui/search";
import { DeploymentSelect, useDeploymentNames } from "../ui/selects";
import { toDay } from "../ui/time";

const SPANS = [
  { name: "Today", days: 0 },
  { name: "7 days", days: 6 },
  { name: "30 days", days: 29 },
];

type FilterBarProps = {
  readonly filters: Filters;
  /** Whether there may be jobs of several owners to see. */
  readonly hasOwners: boolean;
  readonly onChange: (changed: Partial<Filters>) => void;
};

/** What to see of the jobs: a search, what is chosen as chips, and the rest behind a button. */
export function FilterBar({ filters, hasOwners, onChange }: FilterBarProps) {
  const nameOf = useDeploymentNames();
  const { status, deployment, from, to, tag, owner, text } = filters;
  const spans = SPANS.map(({ name, days }) => {
    const begins = dayBefore(days, clock.get());
    return { name, begins, isChosen: to === "" && from === begins };
  });
  const isSpan = spans.some(({ isChosen }) => isChosen);
  const dates = [from && `from ${toDay(`${from}T00:00`)}`, to && `to ${toDay(`${to}T00:00`)}`];
  const chosen: readonly (readonly [name: string, without: Partial<Filters>])[] = [
    ...STATUSES.filter(({ word }) => status.includes(word)).map(
      ({ name, word }) => [name, { status: status.filter((one) => one !== word) }] as const,
    ),
    [deployment && nameOf(deployment), { deployment: "" }] as const,
    [isSpan ? "" : dates.filter(Boolean).join(" "), { from: "", to: "" }] as const,
    [tag && `Tag: ${tag}`, { tag: "" }] as const,
    [owner && `Owner: ${owner}`, { owner: "" }] as const,
  ].filter(([name]) => name !== "");
  return (
    <search className="stack">
      <div className="row jobs-search">
        <Search value={text} onChange={(typed) => onChange({ text: typed })} />
        <button popoverTarget="filters">Filters</button>
        <div id="filters" role="group" popover="auto" aria-label="Filters">
          <DeploymentSelect value={deployment} onChange={(id) => onChange({ deployment: id })} />
          <Typed {...{ filters, hasOwners, onChange }} />
        </div>
      </div>
      <div className="row">
        {spans.map(({ name, begins, isChosen }) => (
          <button
            key={name}
            className="chip"
            aria-pressed={isChosen}
            onClick={() => onChange({ from: isChosen ? "" : begins, to: "" })}
          >
            {name}
          </button>
        ))}
        {chosen.map(([name, without]) => (
          <button
            key={name}
            className="chip"
            aria-label={`${name}: remove`}
            onClick={() => onChange(without)}
          >
            <bdi>{name}</bdi> ✕
          </button>
        ))}
        {chosen.length > 1 && (
          <button className="chip" onClick={() => onChange({ ...NO_FILTERS, text })}>
            Clear all
          </button>
        )}
      </div>
    </search>
  );
}

/**
 * Asks by the browser's own event of a change: of a word when it is left or Enter is pressed, as no part of it finds
 * anything, and of a day at each whole one. While its year is typed it is the year 2, then 20, then 202: none counts, but
 * each has to stay.
 */
function Typed({ filters, hasOwners, onChange }: FilterBarProps) {
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
        <input name="tag" defaultValue={tag} maxLength={MAX_TAG_LENGTH} placeholder="Any" />
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
