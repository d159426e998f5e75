import { type ComponentProps, useId } from "react";

import { MAX_TAG_LENGTH } from "../model/filters";
import { FRAME, TAGS } from "../session/queries";
import { useQuery } from "../session/session";
import { useViewer } from "../session/viewer";

/** What deployments are called, by their ids; an unlisted one by its id. */
export function useDeploymentNames(): (id: string) => string {
  const { data } = useQuery(FRAME, {});
  return (id) => data?.deployments.find((one) => one.id === id)?.name ?? id;
}

/** Of which deployment jobs are shown; empty for any. What was chosen stays, also where it is listed no more. */
export function DeploymentSelect({
  value,
  onChange,
}: {
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  const { data } = useQuery(FRAME, {});
  const listed = (data?.deployments ?? []).map(({ id, name }) => [id, name] as const);
  const options = new Map([["", "Any"], ...listed]);
  if (!options.has(value)) options.set(value, value);
  return (
    <label className="field">
      Deployment
      <select value={value} onChange={({ target }) => onChange(target.value)}>
        {[...options].map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Takes a tag, and offers those that one has used most. */
export function TagInput(attributes: ComponentProps<"input">) {
  const list = useId();
  const { mayRead } = useViewer();
  const { data } = useQuery(TAGS, {}, mayRead);
  return (
    <>
      <input name="tag" maxLength={MAX_TAG_LENGTH} autoComplete="off" list={list} {...attributes} />
      <datalist id={list}>
        {data?.tags.map(({ tag }) => (
          <option key={tag} value={tag} />
        ))}
      </datalist>
    </>
  );
}
