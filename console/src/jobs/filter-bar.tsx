import { type ComponentProps, useEffect, useEffectEvent, useRef } from "react";

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
        <div id="filters" role="group" popover="auto" className="jobs-filters" aria-label="Filters">
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
          <Typed
            type="date"
            value={from}
            max={to || undefined}
            read={readDay}
            onChange={(day) => onChange({ from: day })}
          />
        </label>
        <label>
          To
          <Typed
            type="date"
            value={to}
            min={from || undefined}
            read={readDay}
            onChange={(day) => onChange({ to: day })}
          />
        </label>
      </div>
      <label>
        Tag
        <Typed
          value={tag}
          maxLength={MAX_TAG_LENGTH}
          placeholder="Any"
          read={readTag}
          onChange={(word) => onChange({ tag: word })}
        />
      </label>
      {hasOwners && (
        <label>
          Owner
          <Typed value={owner} placeholder="Any" onChange={(word) => onChange({ owner: word })} />
        </label>
      )}
    </>
  );
}

/**
 * Asks by the browser's own event of a change: of a word when it is left or Enter is pressed, as no part of it finds
 * anything, and of a day at each whole one. While its year is typed it is the year 2, then 20, then 202: none counts, but
 * each has to stay.
 */
function Typed({
  value,
  read = (text) => text,
  onChange,
  ...others
}: {
  readonly value: string;
  readonly read?: (text: string) => string;
  readonly onChange: (value: string) => void;
} & Pick<ComponentProps<"input">, "type" | "min" | "max" | "maxLength" | "placeholder">) {
  const input = useRef<HTMLInputElement>(null);
  const tell = useEffectEvent(() => onChange(read(input.current?.value ?? "")));
  useEffect(() => {
    const typed = input.current;
    typed?.addEventListener("change", tell);
    return () => typed?.removeEventListener("change", tell);
  }, []);
  const sync = useEffectEvent(() => {
    if (input.current && read(input.current.value) !== value) input.current.value = value;
  });
  useEffect(() => sync(), [value]);
  return <input ref={input} defaultValue={value} {...others} />;
}
