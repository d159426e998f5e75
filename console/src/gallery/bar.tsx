import { useSearchParams } from "wouter";

import type { JobFilter } from "../gql";
import { withParameters } from "../model/address";
import { isSearched, readTag } from "../model/filters";
import { toCountText } from "../model/words";
import { Search } from "../ui/search";
import { DeploymentSelect, TagSelect } from "../ui/selects";

/** Which pictures the address says are to be shown. */
export function readAddress(search: URLSearchParams) {
  const deploymentId = search.get("deployment") ?? "";
  const tag = readTag(search.get("tag"));
  const text = search.get("text") ?? "";
  const isStarred = search.has("starred");
  const filter: JobFilter = {
    status: ["SUCCEEDED"],
    ...(deploymentId !== "" && { deploymentId }),
    ...(tag !== "" && { tag }),
    ...(isStarred && { isStarred }),
    ...(isSearched(text) && { text: text.trim() }),
  };
  return { deploymentId, tag, text, isStarred, filter };
}

/** Which pictures to show, which the address keeps, and how large. */
export function GalleryBar({
  total,
  size,
  onSize,
}: {
  readonly total: number | null | undefined;
  readonly size: number;
  readonly onSize: (size: number) => void;
}) {
  const [search, setSearch] = useSearchParams();
  const { deploymentId, tag, text, isStarred } = readAddress(search);
  const change = (name: string) => (value: string) =>
    setSearch((before) => withParameters(before, { [name]: value }), { replace: true });
  return (
    <search className="row gallery-bar">
      <h1>Gallery</h1>
      <DeploymentSelect value={deploymentId} onChange={change("deployment")} />
      <TagSelect value={tag} onChange={change("tag")} />
      <Search value={text} onChange={change("text")} />
      <label className="check">
        <input
          type="checkbox"
          checked={isStarred}
          onChange={({ target }) => change("starred")(target.checked ? "true" : "")}
        />
        Starred
      </label>
      <p className="hint" role="status">
        {typeof total === "number" && toCountText(total)}
      </p>
      <label className="field end">
        Size
        <input
          type="range"
          min={100}
          max={500}
          step={20}
          value={size}
          onChange={({ target }) => onSize(Number(target.value))}
        />
      </label>
    </search>
  );
}
