import { FRAME, TAGS } from "../session/queries";
import { useQuery } from "../session/session";
import { useViewer } from "../session/viewer";

/** What deployments are called, by their ids; an unlisted one by its id. */
export function useDeploymentNames(): (id: string) => string {
  const { data } = useQuery(FRAME, {});
  return (id) => data?.deployments.find((one) => one.id === id)?.name ?? id;
}

type SelectProps = { readonly value: string; readonly onChange: (value: string) => void };

/** Of which deployment jobs are shown; empty for any. */
export function DeploymentSelect(props: SelectProps) {
  const { data } = useQuery(FRAME, {});
  const options = (data?.deployments ?? []).map(({ id, name }) => [id, name] as const);
  return <Select label="Deployment" options={options} {...props} />;
}

/** Which tag jobs have to have; empty for any. */
export function TagSelect(props: SelectProps) {
  const options = useTags().map((tag) => [tag, tag] as const);
  return <Select label="Tag" options={options} {...props} />;
}

/** What was chosen stays, also where it is offered no more. */
function Select({
  label,
  options,
  value,
  onChange,
}: SelectProps & {
  readonly label: string;
  readonly options: readonly (readonly [value: string, name: string])[];
}) {
  const all = new Map([["", "Any"], ...options]);
  if (!all.has(value)) all.set(value, value);
  return (
    <label className="field">
      {label}
      <select value={value} onChange={({ target }) => onChange(target.value)}>
        {[...all].map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Those that one has used most. */
export function useTags(): readonly string[] {
  const { mayRead } = useViewer();
  const { data } = useQuery(TAGS, {}, mayRead);
  return (data?.tags ?? []).map(({ tag }) => tag);
}
