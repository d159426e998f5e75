import { useQuery } from "urql";
import { useSearchParams } from "wouter";

import { DEPLOYMENTS } from "../documents";
import { readAddress, withPart } from "./address";

/** Which pictures to show; both choices are in the address. */
export function GalleryBar({
  loaded,
  found,
  hasMore,
}: {
  readonly loaded: number;
  readonly found: number;
  readonly hasMore: boolean;
}) {
  const [search, setSearch] = useSearchParams();
  const { deploymentId, text } = readAddress(search);
  const change = (part: string, value: string): void =>
    setSearch(withPart(search, part, value), { replace: true });
  const all = hasMore ? `the ${count(loaded)} loaded so far` : `all ${count(loaded)}`;
  return (
    <search className="gallery-bar">
      <h1>Gallery</h1>
      <DeploymentSelect value={deploymentId} onChange={(id) => change("deployment", id)} />
      <label>
        <span className="hint">Prompt</span>
        <input
          type="search"
          value={text}
          placeholder="lighthouse"
          aria-describedby="gallery-found"
          onChange={({ target }) => change("text", target.value)}
        />
      </label>
      <p id="gallery-found" className="hint" role="status">
        {loaded > 0 && (text.trim() === "" ? `Searches ${all}.` : `${found} of ${all}.`)}
      </p>
    </search>
  );
}

function count(pictures: number): string {
  return pictures === 1 ? "1 picture" : `${pictures.toLocaleString("en")} pictures`;
}

function DeploymentSelect({
  value,
  onChange,
}: {
  readonly value: string | null;
  readonly onChange: (id: string) => void;
}) {
  const [{ data }] = useQuery({ query: DEPLOYMENTS, requestPolicy: "cache-first" });
  const deployments = data?.deployments ?? [];
  const isListed = deployments.some(({ id }) => id === value);
  return (
    <label>
      <span className="hint">Deployment</span>
      <select value={value ?? ""} onChange={({ target }) => onChange(target.value)}>
        <option value="">All</option>
        {deployments.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
        {value !== null && !isListed && <option value={value}>{value}</option>}
      </select>
    </label>
  );
}
