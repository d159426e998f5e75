import type { Mutant } from "../../simulation/mutants.ts";

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  "a budget that is exceeded": [7, [/if \(/, "if (false && "]],
  "a reservation that is not given back": [55, [/'\w+'/, "''"]],
  "a cost that is booked twice": [7, [/sql`.*`/, "sql`0`"]],
  "a claim that reserves nothing": [7, [/= await .*;/, "= null;"]],
};
