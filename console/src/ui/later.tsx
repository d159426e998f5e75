import { type ComponentType, lazy, type ReactNode, Suspense } from "react";

/** Of each part of the page that is not in its first script; they register as their modules are loaded. */
const loads: (() => Promise<unknown>)[] = [];

/** In place of a screen whose code has not come yet. */
export const OPENING = (
  <p className="center" aria-busy>
    Opening…
  </p>
);

/** A component whose code comes when it is shown first; `fallback` stands for it until then. */
export function later<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  fallback: ReactNode = null,
) {
  loads.push(load);
  const Part = lazy(async () => ({ default: await load() }));
  return function Later(props: Props) {
    return (
      <Suspense fallback={fallback}>
        <Part {...props} />
      </Suspense>
    );
  };
}

/** Fetches all the parts, so that they open also while the gateway is away. */
export function loadAll(): void {
  for (const load of loads) load().catch(() => undefined);
}
