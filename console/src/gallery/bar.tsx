import { useCallback } from "react";
import { useQuery } from "urql";
import { useSearchParams } from "wouter";

import { DEPLOYMENTS } from "../documents";
import { toCountText } from "../parts/count";
import { Search } from "../parts/search";
import { useAgain } from "../parts/use-again";
import { readAddress, withPart } from "./address";

/** Which pictures to show; both choices are in the address. */
export function GalleryBar({ total }: { readonly total: number | null }) {
  const [search, setSearch] = useSearchParams();
  const { deploymentId, text } = readAddress(search);
  const change = useCallback(
    (part: string, value: string) =>
      setSearch((before) => withPart(before, part, value), { replace: true }),
    [setSearch],
  );
  return (
    <search className="gallery-bar">
      <h1>Gallery</h1>
      <DeploymentSelect value={deploymentId} onChange={(id) => change("deployment", id)} />
      <Search
        value={text}
        onChange={useCallback((typed: string) => change("text", typed), [change])}
      />
      <p className="hint" role="status">
        {total !== null && toCountText(total)}
      </p>
    </search>
  );
}

function DeploymentSelect({
  value,
  onChange,
}: {
  readonly value: string;
  readonly onChange: (id: string) => void;
}) {
  const [{ data }, ask] = useQuery({ query: DEPLOYMENTS, requestPolicy: "cache-first" });
  useAgain(ask, data === undefined);
  const deployments = data?.deployments ?? [];
  const isListed = deployments.some(({ id }) => id === value);
  return (
    <label>
      <span className="hint">Deployment</span>
      <select value={value} onChange={({ target }) => onChange(target.value)}>
        <option value="">All</option>
        {deployments.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
        {value !== "" && !isListed && <option value={value}>{value}</option>}
      </select>
    </label>
  );
}
