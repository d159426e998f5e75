import { useEffect, useRef, useState } from "react";

import { DeploymentSelect } from "../parts/deployment-select";
import { Status } from "../parts/status";
import {
  countFilters,
  type Filters,
  MAX_TAG_LENGTH,
  NO_FILTERS,
  readDay,
  readTag,
  STATUSES,
} from "./filters";

/** What to see of the jobs; on a phone it opens when asked to. */
export function FilterBar({
  filters,
  hasOwners,
  onChange,
}: {
  readonly filters: Filters;
  /** Whether there may be jobs of several owners to see. */
  readonly hasOwners: boolean;
  readonly onChange: (filters: Filters) => void;
}) {
  const [isOpen, setIsOpen] = useState(false);
  const count = countFilters(filters);
  const { statuses, deploymentId, from, to, tag, owner } = filters;
  return (
    <div>
      <button className="opener" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
        Filters{count > 0 && ` (${count})`}
      </button>
      <div className={isOpen ? "panel open" : "panel"}>
        <fieldset className="statuses">
          <legend>Status</legend>
          {STATUSES.map((status) => (
            <label key={status} className="toggle">
              <input
                type="checkbox"
                checked={statuses.includes(status)}
                onChange={({ target }) => {
                  const others = statuses.filter((one) => one !== status);
                  onChange({ ...filters, statuses: target.checked ? [...others, status] : others });
                }}
              />
              <Status job={{ status, queuePosition: null, isPaused: false }} />
            </label>
          ))}
        </fieldset>
        <DeploymentSelect
          value={deploymentId}
          onChange={(chosen) => onChange({ ...filters, deploymentId: chosen })}
        />
        <label>
          From
          <Day
            value={from}
            max={to || undefined}
            onChange={(day) => onChange({ ...filters, from: day })}
          />
        </label>
        <label>
          To
          <Day
            value={to}
            min={from || undefined}
            onChange={(day) => onChange({ ...filters, to: day })}
          />
        </label>
        <label>
          Tag
          <Word
            value={tag}
            longest={MAX_TAG_LENGTH}
            onChange={(word) => onChange({ ...filters, tag: readTag(word) })}
          />
        </label>
        {hasOwners && (
          <label>
            Owner
            <Word value={owner} onChange={(word) => onChange({ ...filters, owner: word })} />
          </label>
        )}
        <button className="clear" disabled={count === 0} onClick={() => onChange(NO_FILTERS)}>
          Clear
        </button>
      </div>
    </div>
  );
}

/** While its year is typed it is the year 2, then 20, then 202: none of these counts, but each has to stay. */
function Day({
  value,
  onChange,
  ...bounds
}: {
  readonly value: string;
  readonly min?: string | undefined;
  readonly max?: string | undefined;
  readonly onChange: (day: string) => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (input.current && readDay(input.current.value) !== value) input.current.value = value;
  }, [value]);
  return (
    <input
      ref={input}
      type="date"
      defaultValue={value}
      {...bounds}
      onChange={({ target }) => onChange(readDay(target.value))}
    />
  );
}

/** Asked for once it is typed, as no part of it finds anything. */
function Word({
  value,
  longest,
  onChange,
}: {
  readonly value: string;
  readonly longest?: number;
  readonly onChange: (tag: string) => void;
}) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const ask = (): void => {
    if (typed !== value) onChange(typed);
  };
  return (
    <input
      value={typed}
      size={8}
      maxLength={longest}
      placeholder="any"
      onChange={({ target }) => setTyped(target.value)}
      onBlur={ask}
      onKeyDown={({ key }) => key === "Enter" && ask()}
    />
  );
}
