/** One file of one job: `n` is its place among the job's files. */
export type Place = { readonly jobId: string; readonly n: number };

/** Which picture is open over a screen, and with which one it is compared, as the address says. */
export function readOpened(search: URLSearchParams) {
  const jobId = search.get("job");
  const open = jobId === null ? null : { jobId, n: Number(search.get("n") ?? 0) };
  const [otherId = "", otherN = ""] = search.get("with")?.split("/") ?? [];
  return {
    open,
    compared: open === null || otherId === "" ? null : { jobId: otherId, n: Number(otherN) },
  };
}

/** The same address with this picture open, or none. */
export function withOpened(
  search: URLSearchParams,
  picture: Place | null,
  compared: Place | null = null,
): URLSearchParams {
  const changed = new URLSearchParams(search);
  for (const part of ["job", "n", "with"]) changed.delete(part);
  if (picture === null) return changed;
  changed.set("job", picture.jobId);
  changed.set("n", String(picture.n));
  if (compared !== null) changed.set("with", toKey(compared));
  return changed;
}

export function toKey({ jobId, n }: Place): string {
  return `${jobId}/${n}`;
}

/** Marks an entry of the browser's history from which "back" leads to the screen below. */
export const OPENED_HERE = "opened here";
