import { useEffect } from "react";
import { useSearchParams } from "wouter";

import { OPENED_HERE, withOpen } from "./address";
import type { JobFilter } from "../gql";
import { toTileId } from "./grid";
import { Lightbox } from "./lightbox";
import { type Shown, toKey } from "./pictures";
import { useOpened } from "./use-opened";

/** The picture that the address names. */
export function Opened({
  pictures,
  jobId,
  n,
  filter,
  isListed,
  onBroken,
}: {
  readonly pictures: readonly Shown[];
  readonly jobId: string;
  readonly n: number;
  /** Whose pictures they are. */
  readonly filter: JobFilter;
  /** Whether `pictures` has come. */
  readonly isListed: boolean;
  readonly onBroken: (jobId: string) => void;
}) {
  const [search, setSearch] = useSearchParams();
  const opened = useOpened(pictures, jobId, n, filter, isListed);

  // Back to the picture that was seen last, even if one went on from that which was opened.
  const tileId = toTileId(toKey(jobId, n));
  useEffect(
    () => () => void requestAnimationFrame(() => document.getElementById(tileId)?.focus()),
    [tileId],
  );

  return (
    <Lightbox
      opened={opened}
      onGo={(picture) =>
        setSearch(withOpen(search, picture), { replace: true, state: history.state })
      }
      onClose={() => {
        if (history.state === OPENED_HERE) history.back();
        else setSearch(withOpen(search, null), { replace: true });
      }}
      onBroken={onBroken}
    />
  );
}
