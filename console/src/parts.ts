import { useEffect, useState } from "react";

import type { Part } from "./session/part";

/** A line for each part of the gateway that adds something here: taking it out is deleting its line and its folder. */
const PARTS: Readonly<Record<string, () => Promise<{ readonly part: Part }>>> = {
  webhooks: () => import("./parts/webhooks/part"),
  mcp: () => import("./parts/mcp/part"),
  downloads: () => import("./parts/downloads/part"),
  money: () => import("./parts/money/part"),
};

/** How long until parts that did not come are fetched again. */
const AGAIN_MS = 2_000;

/** What the parts of these names add, in their order; null until all have come. */
export function useLoadedParts(names: readonly string[]): readonly Part[] | null {
  const [parts, setParts] = useState<readonly Part[] | null>(null);
  const wanted = names.join(" ");
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let isOver = false;
    async function load(): Promise<void> {
      const modules = wanted.split(" ").flatMap((name) => PARTS[name]?.() ?? []);
      try {
        const loaded = await Promise.all(modules);
        if (!isOver) setParts(loaded.map(({ part }) => part));
      } catch {
        // The gateway may be away.
        if (!isOver) timer = setTimeout(load, AGAIN_MS);
      }
    }
    void load();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [wanted]);
  return parts;
}
