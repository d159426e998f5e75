import type { ComponentProps } from "react";
import { useSearchParams } from "wouter";

import { TagSelect } from "../labels/tag-input";
import { toCountText } from "../parts/count";
import { DeploymentSelect } from "../parts/deployment-select";
import { Search } from "../parts/search";
import { readAddress, withPart } from "./address";
import { SizeSlider } from "./size";

/** Which pictures to show; both choices are in the address. */
export function GalleryBar({
  total,
  ...sized
}: ComponentProps<typeof SizeSlider> & { readonly total: number | null | undefined }) {
  const [search, setSearch] = useSearchParams();
  const { deploymentId, text, tag, isStarred } = readAddress(search);
  const change = (part: string, value: string): void =>
    setSearch((before) => withPart(before, part, value), { replace: true });
  return (
    <search className="gallery-bar">
      <h1>Gallery</h1>
      <DeploymentSelect value={deploymentId} onChange={(id) => change("deployment", id)} />
      <TagSelect value={tag} onChange={(chosen) => change("tag", chosen)} />
      <Search value={text} onChange={(typed) => change("text", typed)} />
      <label className="check">
        <input
          type="checkbox"
          checked={isStarred}
          onChange={({ target }) => change("starred", target.checked ? "true" : "")}
        />
        Starred
      </label>
      <p className="hint" role="status">
        {typeof total === "number" && toCountText(total)}
      </p>
      <SizeSlider {...sized} />
    </search>
  );
}
