import { useEffect, useRef, useState } from "react";

import { DeploymentSelect, useDeploymentNames } from "../parts/deployment-select";
import { Search } from "../parts/search";
import { toDay } from "../parts/time";
import { clock } from "../store";
import {
  dayBefore,
  type Filters,
  MAX_TAG_LENGTH,
  NO_FILTERS,
  readDay,
  readTag,
  STATUS_WORDS,
} from "./filters";

const NAMES = { active: "Active", succeeded: "Done", failed: "Failed", cancelled: "Cancelled" };
const SPANS = [
  [0, "Today"],
  [6, "7 days"],
  [29, "30 days"],
] as const;

type FilterBarProps = {
  readonly filters: Filters;
  /** Whether there may be jobs of several owners to see. */
  readonly hasOwners: boolean;
  readonly onChange: (changed: Partial<Filters>) => void;
};

/** What to see of the jobs: a search, what is chosen as chips, and the rest behind a button. */
export function FilterBar(props: FilterBarProps) {
  const { filters, onChange } = props;
  const nameOf = useDeploymentNames();
  const now = clock.get();
  const { statuses, deploymentId, from, to, tag, owner } = filters;
  const span = SPANS.find(([days]) => to === "" && from === dayBefore(days, now));
  const dates = [from && `from ${toDay(`${from}T00:00`)}`, to && `to ${toDay(`${to}T00:00`)}`];
  const chips: readonly (readonly [name: string, without: Partial<Filters>])[] = [
    ...statuses.map(
      (one) => [NAMES[one], { statuses: statuses.filter((other) => other !== one) }] as const,
    ),
    [deploymentId && nameOf(deploymentId), { deploymentId: "" }],
    [span ? "" : dates.filter(Boolean).join(" "), { from: "", to: "" }],
    [tag && `Tag: ${tag}`, { tag: "" }],
    [owner && `Owner: ${owner}`, { owner: "" }],
  ];
  const chosen = chips.filter(([name]) => name !== "");
  return (
    <search className="jobs-above">
      <div className="jobs-search">
        <Search value={filters.text} onChange={(text) => onChange({ text })} />
        <button popoverTarget="filters">Filters</button>
        <div id="filters" popover="auto" className="popover jobs-filters" aria-label="Filters">
          <Choices {...props} />
        </div>
      </div>
      <div className="row">
        {SPANS.map(([days, name]) => (
          <button
            key={name}
            className="chip"
            aria-pressed={span?.[0] === days}
            onClick={() =>
              onChange({ from: span?.[0] === days ? "" : dayBefore(days, now), to: "" })
            }
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
          <button className="chip" onClick={() => onChange({ ...NO_FILTERS, text: filters.text })}>
            Clear all
          </button>
        )}
      </div>
    </search>
  );
}

function Choices({ filters, hasOwners, onChange }: FilterBarProps) {
  const { statuses, deploymentId, from, to, tag, owner } = filters;
  return (
    <>
      <fieldset>
        <legend>Status</legend>
        {STATUS_WORDS.map((word) => (
          <label key={word} className="check">
            <input
              type="checkbox"
              checked={statuses.includes(word)}
              onChange={({ target }) => {
                const others = statuses.filter((one) => one !== word);
                onChange({ statuses: target.checked ? [...others, word] : others });
              }}
            />
            {NAMES[word]}
          </label>
        ))}
      </fieldset>
      <DeploymentSelect value={deploymentId} onChange={(id) => onChange({ deploymentId: id })} />
      <div className="row">
        <label>
          From
          <Day value={from} max={to || undefined} onChange={(day) => onChange({ from: day })} />
        </label>
        <label>
          To
          <Day value={to} min={from || undefined} onChange={(day) => onChange({ to: day })} />
        </label>
      </div>
      <label>
        Tag
        <Word
          value={tag}
          longest={MAX_TAG_LENGTH}
          onChange={(word) => onChange({ tag: readTag(word) })}
        />
      </label>
      {hasOwners && (
        <label>
          Owner
          <Word value={owner} onChange={(word) => onChange({ owner: word })} />
        </label>
      )}
    </>
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
      maxLength={longest}
      placeholder="Any"
      onChange={({ target }) => setTyped(target.value)}
      onBlur={ask}
      onKeyDown={({ key }) => key === "Enter" && ask()}
    />
  );
}
