import { FRAME } from "../queries";
import { useQuery } from "../session";

/** What deployments are called, by their ids; an unlisted one by its id. */
export function useDeploymentNames(): (id: string) => string {
  const { data } = useQuery(FRAME, {});
  return (id) => data?.deployments.find((one) => one.id === id)?.name ?? id;
}

/** Of which deployment jobs are shown; empty for all of them. */
export function DeploymentSelect({
  value,
  onChange,
}: {
  readonly value: string;
  readonly onChange: (id: string) => void;
}) {
  const { data } = useQuery(FRAME, {});
  const deployments = data?.deployments ?? [];
  const isUnlisted = value !== "" && !deployments.some(({ id }) => id === value);
  return (
    <label className="field">
      Deployment
      <select value={value} onChange={({ target }) => onChange(target.value)}>
        <option value="">All</option>
        {isUnlisted && <option value={value}>{value}</option>}
        {deployments.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
