import { useEffect, useState } from "react";

import type { JobRowFragment } from "../gql";
import { Picture, SIGNS, urlOf } from "../parts/picture";

/** What is scrolled past faster is not worth fetching and decoding. */
const REST_MS = 120;

/** The first of a job's outputs that can be seen, small, in a box whose size never changes. */
export function Thumbnail({ job }: { readonly job: JobRowFragment }) {
  const [broken, setBroken] = useState("");
  const hasRested = useHasRested();
  const { assets } = job;
  const asset = assets.find(({ kind }) => kind === "IMAGE" || kind === "VIDEO") ?? assets[0];
  if (asset === undefined) return <span className="jobs-thumbnail" />;
  const url = urlOf(asset, true);
  const isSeen = (asset.kind === "IMAGE" || asset.kind === "VIDEO") && broken !== url;
  return (
    <span className="jobs-thumbnail" onErrorCapture={() => setBroken(url)}>
      {isSeen && hasRested && <Picture asset={asset} alt="" isSmall />}
      {!isSeen && <span aria-hidden>{SIGNS[asset.kind]}</span>}
      {assets.length > 1 && <span className="jobs-more">{assets.length}</span>}
    </span>
  );
}

function useHasRested(): boolean {
  const [hasRested, setHasRested] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setHasRested(true), REST_MS);
    return () => clearTimeout(timer);
  }, []);
  return hasRested;
}
