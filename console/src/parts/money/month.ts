import type { SpentFragment } from "../../gql";

const DAY_MS = 86_400_000;
const NAME = new Intl.DateTimeFormat("en", { month: "long", year: "numeric", timeZone: "UTC" });
const DAY = new Intl.DateTimeFormat("en", { month: "short", day: "numeric", timeZone: "UTC" });

/** A month of UTC, as the gateway counts; times are ISO 8601. */
export type Month = ReturnType<typeof readMonth>;

/** The month that an address names as `2026-12`; `latest` where it names none, or one that has not begun. */
export function readMonth(given: string, latest: string) {
  const isMonth = /^\d{4}-(0[1-9]|1[0-2])$/.test(given) && given <= latest;
  const start = new Date(isMonth ? given : latest);
  const after = (months: number): Date =>
    new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + months));
  const isLast = toMonth(start.getTime()) === latest;
  return {
    from: start.toISOString(),
    /** The last day, which counts too. */
    to: new Date(after(1).getTime() - DAY_MS).toISOString(),
    name: NAME.format(start),
    days: (after(1).getTime() - start.getTime()) / DAY_MS,
    previous: toMonth(after(-1).getTime()),
    /** Null where it has not begun. */
    next: isLast ? null : toMonth(after(1).getTime()),
  };
}

/** `2026-12` */
export function toMonth(time: number): string {
  return new Date(time).toISOString().slice(0, 7);
}

/** `Dec 1` */
export function formatDay(at: string): string {
  return DAY.format(new Date(at));
}

export type Bar = {
  /** ISO 8601. */
  readonly at: string;
  /** Of the chart's height, from 0 to 1; what is estimated stands on what is exact. */
  readonly exact: number;
  readonly estimated: number;
  readonly spent: SpentFragment;
};

/** A bar for each day of a month on which jobs ended, and what the chart's height stands for in USD; 0 where nothing is known. */
export function toBars(days: readonly (SpentFragment & { readonly day: string | null })[]): {
  readonly topUsd: number;
  readonly bars: readonly Bar[];
} {
  const topUsd = toTop(Math.max(0, ...days.map((one) => one.exactUsd + one.estimatedUsd)));
  const bars = days.flatMap(({ day, ...spent }) => {
    if (day === null) return [];
    const toHeight = (usd: number): number => (topUsd === 0 ? 0 : usd / topUsd);
    const exact = toHeight(spent.exactUsd);
    return { at: day, exact, estimated: toHeight(spent.estimatedUsd), spent };
  });
  return { topUsd, bars };
}

/** The next of 1, 2, 5, 10, 20 and so on, or of 0.5, 0.2, 0.1. */
function toTop(usd: number): number {
  if (usd === 0) return 0;
  const power = 10 ** Math.floor(Math.log10(usd));
  const digit = [1, 2, 5].find((one) => one * power >= usd) ?? 10;
  return Number((digit * power).toPrecision(1));
}
