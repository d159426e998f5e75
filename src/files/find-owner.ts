import DataLoader from "dataloader";

import type { Files } from "../store/files.ts";

/** The id of the owner of a file; null where nobody needs it any more, as what was deleted, on whichever gateway. */
export type FindOwner = (name: string) => Promise<string | null>;

/**
 * Asks the database for each request: only that knows what other gateways have deleted a moment ago. One statement is under
 * way at a time, and all who ask meanwhile share the next, so that a page full of pictures costs a few.
 */
export function createFindOwner(files: Pick<Files, "findOwners">): FindOwner {
  let reading: Promise<unknown> = Promise.resolve();
  const loader = new DataLoader<string, string | null>(
    async (names) => {
      const found = files.findOwners(names);
      reading = found;
      const owners = await found;
      return names.map((name) => owners.get(name) ?? null);
    },
    {
      // What is true now may not be the next time.
      cache: false,
      batchScheduleFn: (dispatch) => void Promise.allSettled([reading]).then(dispatch),
    },
  );
  return (name) => loader.load(name);
}
