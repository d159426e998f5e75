import type { Cost, Costs } from "../../engine/job/cost.ts";
import type { Job } from "../../engine/job/job.ts";
import { isFinished } from "../../engine/job/job.ts";
import { toUsd } from "./micros.ts";
import type { MoneyRow, MoneyRows } from "./money-rows.ts";
import type { Quote, Quotes } from "./quote.ts";

/** Estimates what jobs and inputs cost, by what was known when they were submitted. */
export function createCosts(rows: MoneyRows, quotes: Quotes): Costs {
  return {
    async readMany(jobs) {
      const found = await rows.readMany(jobs.map(({ id }) => id));
      return jobs.map((job) => {
        const row = found.get(job.id);
        if (row === undefined) return null;
        return isFinished(job) ? toEnded(job, row) : toQuoted(row, new Date(row.priced_at));
      });
    },
    async quote(request) {
      const quote = await quotes.quote(request);
      return toQuoted(toAmounts(quote), new Date(quote.pricedAt));
    },
  };
}

type Amounts = Pick<MoneyRow, "source" | "micros" | "min_micros" | "max_micros" | "reason">;

function toAmounts({ source, micros, minMicros, maxMicros, reason }: Quote): Amounts {
  return { source, micros, min_micros: minMicros, max_micros: maxMicros, reason };
}

function toQuoted(
  { source, micros, min_micros, max_micros, reason }: Amounts,
  pricedAt: Date,
): Cost {
  const [usd, minUsd, maxUsd] = [toUsd(micros), toUsd(min_micros), toUsd(max_micros)];
  return { source, usd, minUsd, maxUsd, reason, pricedAt };
}

/** Of a job whose cost RunComfy has not reported; null where nothing is known of it. */
function toEnded(job: Job, row: MoneyRow): Cost | null {
  const { second_micros: perSecond, estimated_micros: most } = row;
  if (most === null) return null;
  const at = { source: "ESTIMATED", pricedAt: job.finishedAt ?? job.updatedAt } as const;
  const none = { usd: null, minUsd: null, maxUsd: null };
  if (perSecond === null) {
    const reason = job.status === "CANCELLED" ? CANCELLED_IN_QUEUE : row.reason;
    return { ...at, ...none, usd: toUsd(most), reason };
  }
  const runMs = (job.finishedAt?.getTime() ?? 0) - (job.startedAt?.getTime() ?? Infinity);
  const least = Math.max(0, Math.round((perSecond * runMs) / 1_000));
  return { ...at, ...none, minUsd: toUsd(least), maxUsd: toUsd(most), reason: BY_SECONDS };
}

const CANCELLED_IN_QUEUE = "It was cancelled while it waited at RunComfy, before it ran.";
const BY_SECONDS =
  "By the seconds that it ran, without and with an instance's start and the time that it is kept warm.";
