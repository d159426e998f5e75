import { number, oneOf, optional, setting, type SettingsOf } from "../../config/rules.ts";
import type { Part } from "../../part.ts";
import { entryMembers } from "./entry-members.ts";
import { toMicros } from "./micros.ts";

const AMOUNT = () => number(0.01, 100_000_000);
const SETTINGS = {
  RUNCOMFY_PLAN: setting(
    oneOf(["list", "pro"]),
    "list",
    "Which of RunComfy's prices by the hour your account has, for [estimates](money.md).",
  ),
  BUDGET_USD_PER_DAY: optional(
    AMOUNT(),
    "no limit",
    "What all jobs together may cost in a day (UTC), in US dollars. A job that does not fit is not sent; see [money](money.md).",
  ),
  BUDGET_USD_PER_MONTH: optional(AMOUNT(), "no limit", "The same in a month."),
  OWNER_BUDGET_USD_PER_DAY: optional(
    AMOUNT(),
    "no limit",
    "What the jobs of each owner may cost in a day.",
  ),
  OWNER_BUDGET_USD_PER_MONTH: optional(AMOUNT(), "no limit", "The same in a month."),
  BUDGET_UNKNOWN_USD: optional(
    AMOUNT(),
    "it is refused",
    "What a job takes of its budgets where nobody knows what it may cost.",
  ),
  BALANCE_WARNING_USD: optional(
    AMOUNT(),
    "no warning",
    "A line in the log says when the balance at RunComfy, in US dollars, is below this.",
  ),
};

/** Says what jobs cost, before and after, and holds them to budgets. */
export const part: Part<SettingsOf<typeof SETTINGS>> = {
  name: "money",
  settings: SETTINGS,
  credentialLimits: {
    budgetUsdPerDay: "what its jobs may cost in a day (UTC), in US dollars",
    budgetUsdPerMonth: "what they may cost in a month",
    approvalAboveUsd: "what may cost more waits until another credential approves it",
  },
  entry: entryMembers,
  migrations: async () => (await import("./tables.ts")).MIGRATIONS,
  triggers: async () => (await import("./tables.ts")).createTriggers,
  schema: async () => (await import("./schema.ts")).addMoney,
  async open(engine, given) {
    const [{ openMoney }, { toLimits }] = await Promise.all([
      import("./open-money.ts"),
      import("./limits.ts"),
    ]);
    const unknown = given.BUDGET_UNKNOWN_USD;
    return openMoney(engine, {
      plan: given.RUNCOMFY_PLAN,
      warnBelow: given.BALANCE_WARNING_USD ?? null,
      everybody: toLimits(given.BUDGET_USD_PER_DAY, given.BUDGET_USD_PER_MONTH),
      owner: toLimits(given.OWNER_BUDGET_USD_PER_DAY, given.OWNER_BUDGET_USD_PER_MONTH),
      unknownMicros: unknown === undefined ? null : toMicros(unknown),
    });
  },
};
