import type { Condition } from "../model/conditions";
import { NO_FILTERS } from "../model/filters";
import type { Asked } from "./use-filters";

/** That nothing fits, and each condition of that, to clear it. */
export function NoMatches({ set: conditions, onChange }: Asked) {
  return (
    <div className="empty stack">
      <p>No matches. Clear {conditions.length > 1 ? "one of these" : "this"}:</p>
      <div className="row filters-clear">
        <Removable {...{ conditions, onChange }} />
        {conditions.length > 1 && <button onClick={() => onChange(NO_FILTERS)}>Clear all</button>}
      </div>
    </div>
  );
}

/** What is asked for; a click asks for it no more. */
export function Removable({
  conditions,
  onChange,
}: Pick<Asked, "onChange"> & { readonly conditions: readonly Condition[] }) {
  return conditions.map(({ name, change }) => (
    <button
      key={name}
      className="chip"
      aria-label={`${name}: remove`}
      onClick={() => onChange(change)}
    >
      <bdi>{name}</bdi> ✕
    </button>
  ));
}
