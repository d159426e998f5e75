import { useEffect } from "react";
import { useSearchParams } from "wouter";

import { OPENED_HERE, withOpen } from "./address";
import type { Feed } from "./feed";
import { toTileId } from "./grid";
import { type Shown, toKey } from "./pictures";
import { Viewer } from "./viewer";
import { useOpened } from "./use-opened";

/** How near the end of what is loaded one may come until more is asked for. */
const NEAR_END = 8;

/** The picture that the address names. */
export function Opened({
  feed,
  pictures,
  jobId,
  n,
  deploymentId,
  isListed,
  canGoOn,
}: {
  readonly feed: Feed;
  readonly pictures: readonly Shown[];
  readonly jobId: string;
  readonly n: number;
  readonly deploymentId: string | null;
  /** Whether `pictures` has come. */
  readonly isListed: boolean;
  /** Whether there are more to come, and they may be asked for. */
  readonly canGoOn: boolean;
}) {
  const [search, setSearch] = useSearchParams();
  const opened = useOpened(pictures, jobId, n, deploymentId, isListed);
  const isNearEnd = opened.at >= 0 && opened.at >= pictures.length - NEAR_END;
  useEffect(() => {
    if (isNearEnd && canGoOn) void feed.more();
  }, [feed, isNearEnd, canGoOn]);

  // Back to the picture that was seen last, even if one went on from that which was opened.
  const tileId = toTileId(toKey(jobId, n));
  useEffect(
    () => () => void requestAnimationFrame(() => document.getElementById(tileId)?.focus()),
    [tileId],
  );

  return (
    <Viewer
      opened={opened}
      onGo={(picture) =>
        setSearch(withOpen(search, picture), { replace: true, state: history.state })
      }
      onClose={() => {
        if (history.state === OPENED_HERE) history.back();
        else setSearch(withOpen(search, null), { replace: true });
      }}
      onBroken={(id) => void feed.askAgain(id)}
    />
  );
}
