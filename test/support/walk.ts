import type { Jobs } from "../../src/engine/store/job-store.ts";
import type { JobFilter } from "../../src/engine/store/list-jobs.ts";

/** Goes through a list of up to 11 jobs by twos, each page from the last job of the one before. */
export async function walk(
  jobs: Pick<Jobs, "list">,
  filter: JobFilter,
  direction: "forward" | "backward",
): Promise<string[]> {
  const ids: string[] = [];
  let place = {};
  for (let page = 0; page < 6; page++) {
    const { jobs: rows } = await jobs.list({ filter, direction, limit: 2, ...place });
    ids.push(...rows.map(({ id }) => id));
    place = { [direction === "forward" ? "after" : "before"]: rows.at(-1) };
  }
  return ids;
}
