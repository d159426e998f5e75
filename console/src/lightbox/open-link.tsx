import type { ComponentProps } from "react";
import { Link, useLocation, useSearchParams } from "wouter";

import { OPENED_HERE, withOpened } from "../model/pictures";
import { useViewer } from "../session/viewer";

/** Opens a picture over the screen that is shown; just its content for viewers who may not read jobs. */
export function OpenLink({
  picture,
  ...given
}: Pick<ComponentProps<"a">, "aria-label" | "className" | "children"> & {
  /** Its key. */
  readonly picture: string;
}) {
  const [location] = useLocation();
  const [search] = useSearchParams();
  const { mayRead } = useViewer();
  if (!mayRead) return given.children;
  const href = `${location}?${withOpened(search, picture)}`;
  return <Link id={picture} href={href} state={OPENED_HERE} {...given} />;
}
