import DataLoader from "dataloader";

import type { Files } from "../store/job-store.ts";

/** Whether anybody still needs the file of a name; what was deleted nobody does, on whichever gateway. */
export type IsNeeded = (name: string) => Promise<boolean>;

/**
 * Asks the database for each request: only that knows what other gateways have deleted a moment ago. One statement is under
 * way at a time, and all who ask meanwhile share the next, so that a page full of pictures costs a few.
 */
export function createNeedCheck(files: Pick<Files, "findNeeded">): IsNeeded {
  let reading: Promise<unknown> = Promise.resolve();
  const loader = new DataLoader<string, boolean>(
    async (names) => {
      const found = files.findNeeded(names);
      reading = found;
      const needed = new Set(await found);
      return names.map((name) => needed.has(name));
    },
    {
      // What is true now may not be the next time.
      cache: false,
      batchScheduleFn: (dispatch) => void Promise.allSettled([reading]).then(dispatch),
    },
  );
  return (name) => loader.load(name);
}
