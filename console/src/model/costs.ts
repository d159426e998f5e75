import type { JobRowFragment } from "../gql";
import type { Field } from "./fields";
import { isObject } from "./json";
import { formatCount, formatUsd, isRisky } from "./words";

export type Cost = JobRowFragment["cost"];

export const UNKNOWN_COST: Cost = { source: "UNKNOWN", usd: null, minUsd: null, maxUsd: null };

/** `$0.0412`, `about $0.04`, `$0.03 to $0.21` or, where no amount is known, `unknown`. */
export function tellCost({ source, usd, minUsd, maxUsd }: Cost): string {
  if (source === "EXACT" && usd !== null) return formatUsd(usd);
  if (usd !== null) return `about ${formatAbout(usd)}`;
  if (minUsd === null || maxUsd === null) return "unknown";
  const [least, most] = [formatAbout(minUsd), formatAbout(maxUsd)];
  return least === most ? `about ${most}` : `${least} to ${most}`;
}

/** What a job costs or has cost. One that RunComfy may have taken without an answer may have cost something. */
export function tellJobCost(job: Pick<JobRowFragment, "cost" | "error">): string {
  const words = tellCost(job.cost);
  if (job.cost.source === "EXACT" || !isRisky(job)) return words;
  return words === "unknown" ? "may have cost" : `may have cost ${words}`;
}

/** What runs will cost in all, as buttons and questions say it: `about $0.16`, `price unknown`. */
export function tellPrices(costs: readonly Cost[]): string {
  const known = costs.flatMap(({ usd, minUsd, maxUsd }) => {
    if (usd !== null) return { min: usd, max: usd };
    return minUsd !== null && maxUsd !== null ? { min: minUsd, max: maxUsd } : [];
  });
  if (known.length === 0) return "price unknown";
  const minUsd = known.reduce((sum, { min }) => sum + min, 0);
  const maxUsd = known.reduce((sum, { max }) => sum + max, 0);
  const words = tellCost({ source: "ESTIMATED", usd: null, minUsd, maxUsd });
  const unknown = costs.length - known.length;
  return unknown === 0 ? words : `${words}, and ${formatCount(unknown)} at an unknown price`;
}

/** Jobs that cost the same again, as far as their fields tell, the most first: texts, files and seeds make no difference. */
export function groupByPrice<Job extends Pick<JobRowFragment, "deployment" | "input">>(
  jobs: readonly Job[],
  fieldsOf: (deploymentId: string) => readonly Field[],
): readonly (readonly Job[])[] {
  const free = new Map<string, ReadonlySet<string>>();
  const toKey = ({ deployment: { id }, input }: Job): string => {
    const names =
      free.get(id) ??
      new Set(fieldsOf(id).flatMap(({ name, widget }) => (FREE.has(widget.kind) ? name : [])));
    free.set(id, names);
    const members = Object.entries(isObject(input) ? input : { "": input })
      .filter(([name]) => !names.has(name))
      .toSorted(([one], [other]) => (one < other ? -1 : 1));
    return JSON.stringify([id, members]);
  };
  return [...Map.groupBy(jobs, toKey).values()].toSorted((a, b) => b.length - a.length);
}

const FREE: ReadonlySet<Field["widget"]["kind"]> = new Set(["text", "file", "files", "seed"]);

/** An amount that is no more than estimated has as few digits as say how large it is. */
export function formatAbout(usd: number): string {
  return formatUsd(Math.abs(usd) < 1 ? Number(usd.toPrecision(2)) : Math.round(usd * 100) / 100);
}
