import type { ReactNode } from "react";

import { NO_FILTERS } from "../model/filters";
import { useStore } from "../session/store";
import { phone } from "../ui/phone";
import { Search } from "../ui/search";
import { DeploymentSelect } from "../ui/selects";
import { Removable } from "./no-matches";
import { TypedFilters } from "./typed-filters";
import type { Asked } from "./use-filters";
import "./filters.css";

/** What to see of the jobs: a search, what one click asks for, and the rest behind a button; on a phone all of it. */
export function FilterBar({ children, ...asked }: Asked & { readonly children?: ReactNode }) {
  const isPhone = useStore(phone);
  const { filters, quick, chosen, set, onChange } = asked;
  const count = set.length;
  // A text stands in its own field.
  const others = chosen.filter(({ change }) => !("text" in change));
  const search = <Search value={filters.text} onChange={(text) => onChange({ text })} />;
  const chips = (
    <div className="row">
      {quick.map(({ name, isSet, change }) => (
        <button key={name} className="chip" aria-pressed={isSet} onClick={() => onChange(change)}>
          {name}
        </button>
      ))}
      <Removable conditions={others} onChange={onChange} />
      {count > 1 && (
        <button className="chip" onClick={() => onChange(NO_FILTERS)}>
          Clear all
        </button>
      )}
      {children}
    </div>
  );
  return (
    <search className="filters">
      {!isPhone && search}
      <button popoverTarget="filters" aria-label={count > 0 ? `Filters, ${count} set` : undefined}>
        Filters{count > 0 && ` (${count})`}
      </button>
      <div id="filters" role="group" popover="auto" aria-label="Filters">
        {isPhone && search}
        {isPhone && chips}
        <DeploymentSelect
          value={filters.deployment}
          onChange={(deployment) => onChange({ deployment })}
        />
        <TypedFilters {...asked} />
      </div>
      {!isPhone && chips}
    </search>
  );
}
