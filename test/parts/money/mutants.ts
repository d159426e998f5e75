import type { Mutant } from "../../simulation/mutants.ts";

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  "a budget that is exceeded": [1, [/if \(/, "if (false && "]],
  "a reservation that is not given back": [75, [/'\w+'/, "''"]],
  "a cost that is booked twice": [1, [/sql`.*`/, "sql`0`"]],
  "a claim that reserves nothing": [1, [/= await .*;/, "= null;"]],
};
