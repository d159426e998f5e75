import { useState } from "react";
import { useQuery } from "urql";

import { Status } from "../parts/status";
import { DEPLOYMENT_NAMES } from "./documents";
import { countFilters, type Filters, STATUSES } from "./filters";

/** What to see of the jobs; on a phone it opens when asked to. */
export function FilterBar({
  filters,
  onChange,
}: {
  readonly filters: Filters;
  readonly onChange: (filters: Filters) => void;
}) {
  const [isOpen, setIsOpen] = useState(false);
  const count = countFilters(filters);
  const { statuses, deploymentId, from, to } = filters;
  return (
    <div className="filters">
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
              <Status job={{ status, queuePosition: null }} />
            </label>
          ))}
        </fieldset>
        <label>
          Deployment
          <Deployment
            value={deploymentId}
            onChange={(chosen) => onChange({ ...filters, deploymentId: chosen })}
          />
        </label>
        <label>
          From
          <input
            type="date"
            value={from}
            max={to || undefined}
            onChange={({ target }) => onChange({ ...filters, from: target.value })}
          />
        </label>
        <label>
          To
          <input
            type="date"
            value={to}
            min={from || undefined}
            onChange={({ target }) => onChange({ ...filters, to: target.value })}
          />
        </label>
        <button
          className="clear"
          disabled={count === 0}
          onClick={() => onChange({ statuses: [], deploymentId: "", from: "", to: "" })}
        >
          Clear
        </button>
      </div>
    </div>
  );
}

function Deployment({
  value,
  onChange,
}: {
  readonly value: string;
  readonly onChange: (id: string) => void;
}) {
  const [{ data }] = useQuery({ query: DEPLOYMENT_NAMES });
  const deployments = data?.deployments ?? [];
  const isUnlisted = value !== "" && !deployments.some(({ id }) => id === value);
  return (
    <select value={value} onChange={({ target }) => onChange(target.value)}>
      <option value="">all</option>
      {isUnlisted && <option value={value}>{value}</option>}
      {deployments.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}
