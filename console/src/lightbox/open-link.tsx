import type { ReactNode } from "react";
import { Link, useLocation, useSearchParams } from "wouter";

import { useViewer } from "../viewer";
import { OPENED_HERE, type Place, withOpened } from "./address";
import { toTileId } from "./pictures";

/** Opens one file of a job over the screen that is shown; only its content to whoever may not read jobs. */
export function OpenLink({
  place,
  children,
  ...given
}: {
  readonly place: Place;
  /** What it opens, where its content does not say. */
  readonly "aria-label"?: string;
  readonly className?: string;
  readonly children: ReactNode;
}) {
  const [location] = useLocation();
  const [search] = useSearchParams();
  const { mayRead } = useViewer();
  if (!mayRead) return children;
  return (
    <Link
      id={toTileId(place)}
      href={`${location}?${withOpened(search, place)}`}
      state={OPENED_HERE}
      {...given}
    >
      {children}
    </Link>
  );
}
