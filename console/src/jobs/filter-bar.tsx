import { dayBefore, type Filters, NO_FILTERS, STATUSES } from "../model/filters";
import { clock } from "../session/store";
import { Search } from "../ui/search";
import { DeploymentSelect, useDeploymentNames } from "../ui/selects";
import { toDay } from "../ui/time";
import { type FilterProps, TypedFilters } from "./typed-filters";

const SPANS = [
  { name: "Today", days: 0 },
  { name: "7 days", days: 6 },
  { name: "30 days", days: 29 },
];

/** What to see of the jobs: a search, what is chosen as chips, and the rest behind a button. */
export function FilterBar(props: FilterProps) {
  const { filters, onChange } = props;
  const nameOf = useDeploymentNames();
  const { deployment, from, to, text } = filters;
  const spans = SPANS.map(({ name, days }) => {
    const begins = dayBefore(days, clock.get());
    return { name, begins, isChosen: to === "" && from === begins };
  });
  const isSpan = spans.some(({ isChosen }) => isChosen);
  const chips = toChips(filters, nameOf, isSpan);
  return (
    <search className="stack">
      <div className="row jobs-search">
        <Search value={text} onChange={(typed) => onChange({ text: typed })} />
        <button popoverTarget="filters">Filters</button>
        <div id="filters" role="group" popover="auto" aria-label="Filters">
          <DeploymentSelect value={deployment} onChange={(id) => onChange({ deployment: id })} />
          <TypedFilters {...props} />
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
        {chips.map(([name, without]) => (
          <button
            key={name}
            className="chip"
            aria-label={`${name}: remove`}
            onClick={() => onChange(without)}
          >
            <bdi>{name}</bdi> ✕
          </button>
        ))}
        {chips.length > 1 && (
          <button className="chip" onClick={() => onChange({ ...NO_FILTERS, text })}>
            Clear all
          </button>
        )}
      </div>
    </search>
  );
}

type Chip = readonly [name: string, without: Partial<Filters>];

/** What is chosen, each with how to choose it no more; dates only where no chip says them as a span. */
function toChips(
  { status, deployment, from, to, tag, owner }: Filters,
  nameOf: (deploymentId: string) => string,
  isSpan: boolean,
): readonly Chip[] {
  const dates = [from && `from ${toDay(`${from}T00:00`)}`, to && `to ${toDay(`${to}T00:00`)}`];
  const chips: readonly Chip[] = [
    ...STATUSES.filter(({ word }) => status.includes(word)).map(({ name, word }): Chip => [
      name,
      { status: status.filter((one) => one !== word) },
    ]),
    [deployment && nameOf(deployment), { deployment: "" }],
    [isSpan ? "" : dates.filter(Boolean).join(" "), { from: "", to: "" }],
    [tag && `Tag: ${tag}`, { tag: "" }],
    [owner && `Owner: ${owner}`, { owner: "" }],
  ];
  return chips.filter(([name]) => name !== "");
}
