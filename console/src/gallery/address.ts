import type { JobFilter } from "../gql";
import { isSearched } from "../parts/search-text";
import { type Shown, toKey } from "./pictures";

/** What the address says: which pictures, and which one is open. */
export function readAddress(search: URLSearchParams) {
  const jobId = search.get("job");
  const n = Number(search.get("n") ?? 0);
  const deploymentId = search.get("deployment") ?? "";
  const text = search.get("text") ?? "";
  const filter: JobFilter = {
    status: ["SUCCEEDED"],
    ...(deploymentId !== "" && { deploymentId }),
    ...(isSearched(text) && { text: text.trim() }),
  };
  return {
    deploymentId,
    text,
    /** Whose pictures they are. */
    filter,
    open: jobId === null ? null : { jobId, n, key: toKey(jobId, n) },
  };
}

/** The same address with this picture open, or none. */
export function withOpen(search: URLSearchParams, picture: Shown | null): URLSearchParams {
  const changed = new URLSearchParams(search);
  changed.delete("job");
  changed.delete("n");
  if (picture !== null) {
    changed.set("job", picture.job.id);
    changed.set("n", String(picture.n));
  }
  return changed;
}

/** The same address with one part set, or without it where that is empty. */
export function withPart(search: URLSearchParams, part: string, value: string): URLSearchParams {
  const changed = withOpen(search, null);
  if (value === "") changed.delete(part);
  else changed.set(part, value);
  return changed;
}

/** Marks an entry of the browser's history from which "back" leads to the grid. */
export const OPENED_HERE = "opened here";
