import type { ComponentProps } from "react";
import { useSearchParams } from "wouter";

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
  const { deploymentId, text } = readAddress(search);
  const change = (part: string, value: string): void =>
    setSearch((before) => withPart(before, part, value), { replace: true });
  return (
    <search className="gallery-bar">
      <h1>Gallery</h1>
      <DeploymentSelect value={deploymentId} onChange={(id) => change("deployment", id)} />
      <Search value={text} onChange={(typed) => change("text", typed)} />
      <p className="hint" role="status">
        {typeof total === "number" && toCountText(total)}
      </p>
      <SizeSlider {...sized} />
    </search>
  );
}
