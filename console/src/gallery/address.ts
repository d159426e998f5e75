import type { JobFilter } from "../gql";
import { readTag } from "../jobs/filters";
import { withOpened } from "../lightbox/address";
import { isSearched } from "../parts/search-text";

/** What the address says: which pictures to show. */
export function readAddress(search: URLSearchParams) {
  const deploymentId = search.get("deployment") ?? "";
  const text = search.get("text") ?? "";
  const tag = readTag(search.get("tag"));
  const isStarred = search.has("starred");
  const filter: JobFilter = {
    status: ["SUCCEEDED"],
    ...(deploymentId !== "" && { deploymentId }),
    ...(tag !== "" && { tag }),
    ...(isStarred && { isStarred }),
    ...(isSearched(text) && { text: text.trim() }),
  };
  return { deploymentId, text, tag, isStarred, filter };
}

/** The same address with one part set, or without it where that is empty. */
export function withPart(search: URLSearchParams, part: string, value: string): URLSearchParams {
  const changed = withOpened(search, null);
  if (value === "") changed.delete(part);
  else changed.set(part, value);
  return changed;
}
