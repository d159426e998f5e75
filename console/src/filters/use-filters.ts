import { useMemo } from "react";
import { useSearchParams } from "wouter";

import { withParameters } from "../model/address";
import { type Condition, type Screen, toChosen, toQuick } from "../model/conditions";
import { type Filters, NO_FILTERS, readFilters } from "../model/filters";
import { clock } from "../session/store";
import { useViewer } from "../session/viewer";
import { useDeploymentNames } from "../ui/selects";

export type Asked = {
  readonly screen: Screen;
  readonly filters: Filters;
  /** What one click asks for. */
  readonly quick: readonly Condition[];
  /** What else is asked for. */
  readonly chosen: readonly Condition[];
  /** All that is asked for, by a click or otherwise. */
  readonly set: readonly Condition[];
  /** Whether there may be jobs of several owners to see. */
  readonly hasOwners: boolean;
  readonly onChange: (changed: Partial<Filters>) => void;
};

/** What the address asks a screen to show, and what changes that. */
export function useFilters(screen: Screen): Asked {
  const viewer = useViewer();
  const nameOf = useDeploymentNames();
  const [search, setSearch] = useSearchParams();
  const { status, media } = NO_FILTERS;
  // A gallery has only what succeeded, and the jobs are listed whatever they made.
  const meant = { ...readFilters(search), ...(screen === "jobs" ? { media } : { status }) };
  const key = JSON.stringify(meant);
  const filters = useMemo((): Filters => JSON.parse(key), [key]);
  const now = clock.get();
  const quick = toQuick(filters, screen, now);
  const chosen = toChosen(filters, nameOf, now);
  return {
    screen,
    filters,
    quick,
    chosen,
    set: [...quick, ...chosen].filter(({ isSet }) => isSet),
    hasOwners: viewer.isSignedIn && viewer.may("jobs:read:all"),
    onChange(changed) {
      setSearch((before) => withParameters(before, changed), { replace: true });
      // What asks for something no more is gone then.
      requestAnimationFrame(() => {
        if (document.activeElement === document.body)
          document.querySelector<HTMLElement>("[popovertarget=filters]")?.focus();
      });
    },
  };
}
