/** What an account has agreed with RunComfy; no API tells which. */
export type Plan = "list" | "pro";

/** When RunComfy's page on billing had the prices below. */
export const PRICES_AS_OF = "1 December 2026";

/** US dollars for an hour of an instance, by RunComfy's code of its hardware. */
const USD_PER_HOUR: ReadonlyMap<string, Readonly<Record<Plan, number>>> = new Map([
  ["TURING_16", { list: 0.99, pro: 0.79 }],
  ["AMPERE_24", { list: 1.75, pro: 1.39 }],
  ["AMPERE_48", { list: 2.5, pro: 1.99 }],
  ["ADA_48_PLUS", { list: 2.99, pro: 2.15 }],
  ["AMPERE_80", { list: 4.99, pro: 3.99 }],
  ["ADA_80_PLUS", { list: 7.49, pro: 5.99 }],
  ["HOPPER_141", { list: 8.75, pro: 6.99 }],
]);

/** What an hour costs on the most expensive of these; null where one of them is not listed, or there is none. */
export function findHourlyPrice(hardware: readonly string[], plan: Plan): number | null {
  const prices = hardware.map((code) => USD_PER_HOUR.get(code)?.[plan] ?? Infinity);
  const highest = Math.max(...prices);
  return Number.isFinite(highest) ? highest : null;
}
