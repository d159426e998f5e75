import type { SpentFragment } from "../../gql";
import { formatAbout } from "../../model/costs";
import { formatCount, formatUsd } from "../../model/words";

/** What an owner, a deployment or a day came to, and where its jobs are. */
export type Row = {
  readonly name: string;
  readonly href?: string;
  readonly spent: SpentFragment;
};

const NOTHING: SpentFragment = {
  jobs: 0,
  seconds: 0,
  exactUsd: 0,
  estimatedUsd: 0,
  unknownJobs: 0,
};

/** The sum of the amounts that are known. */
function knownUsd({ exactUsd, estimatedUsd }: SpentFragment): number {
  return exactUsd + estimatedUsd;
}

export function sumUp(rows: readonly SpentFragment[]): SpentFragment {
  return rows.reduce(
    (sum, row) => ({
      jobs: sum.jobs + row.jobs,
      seconds: sum.seconds + row.seconds,
      exactUsd: sum.exactUsd + row.exactUsd,
      estimatedUsd: sum.estimatedUsd + row.estimatedUsd,
      unknownJobs: sum.unknownJobs + row.unknownJobs,
    }),
    NOTHING,
  );
}

/** `$12.40`, `about $12.40` or, where no amount is known, `unknown`. */
export function tellSpent(spent: SpentFragment): string {
  const known = knownUsd(spent);
  if (known === 0 && spent.unknownJobs > 0) return "unknown";
  return spent.estimatedUsd > 0 ? `about ${formatAbout(known)}` : formatSum(known);
}

/** `1 job`, `36 jobs, 9 of unknown cost`. */
export function tellJobs({ jobs, unknownJobs }: SpentFragment): string {
  const count = `${formatCount(jobs)} ${jobs === 1 ? "job" : "jobs"}`;
  return unknownJobs === 0 ? count : `${count}, ${formatCount(unknownJobs)} of unknown cost`;
}

/** In cents from a dollar on; less than a cent is not nothing. */
export function formatSum(usd: number): string {
  return Math.abs(usd) < 1 ? formatUsd(usd) : formatAbout(usd);
}

/** The first `most` of what cost most, and the sum of the others as one. */
export function toRanking(rows: readonly Row[], most: number): readonly Row[] {
  const ranked = rows.toSorted(
    ({ spent: one }, { spent: other }) =>
      knownUsd(other) - knownUsd(one) || other.unknownJobs - one.unknownJobs,
  );
  const others = ranked.slice(most).map(({ spent }) => spent);
  if (others.length === 0) return ranked;
  const name = `${formatCount(others.length)} others`;
  return [...ranked.slice(0, most), { name, spent: sumUp(others) }];
}
