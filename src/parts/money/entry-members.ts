import type { Deployment } from "../../engine/deployments/catalogue.ts";
import type { EntryMembers } from "../../engine/runcomfy/kinds/kind.ts";

/** What an entry of the deployments file says of money, in US dollars; null where it says nothing. */
type MoneyMembers = Readonly<Record<Name, number | null>>;

type Name = "usdPerHour" | "maxUsd" | "budgetUsdPerDay" | "budgetUsdPerMonth";

/** A microdollar is the least that is counted. */
const [MIN_USD, MAX_USD] = [0.000_001, 100_000_000];
const RULE = "must be a number of US dollars above 0 and at most 100 million";

/** The members of every entry. */
export const entryMembers = (({ z }, { adapter, noun }) => {
  const usd = (otherwise: string) => {
    const rule = `${RULE}; ${otherwise}`;
    return z.number(rule).min(MIN_USD, rule).max(MAX_USD, rule).nullable().default(null);
  };
  const none = z.null(`says nothing of a ${noun}, which is paid by the run; leave it out`);
  return {
    usdPerHour:
      adapter.service === "deployments"
        ? usd("leave it out where RunComfy's list holds")
        : none.default(null),
    maxUsd: usd("leave it out where it is not known"),
    budgetUsdPerDay: usd("leave it out where there is no limit"),
    budgetUsdPerMonth: usd("leave it out where there is no limit"),
  } satisfies Record<Name, unknown>;
}) satisfies EntryMembers;

/** What the entry of a deployment says; nothing where it has none. */
export function readMembers(deployment: Pick<Deployment, "ofParts"> | null): MoneyMembers {
  const read = (name: Name): number | null => {
    const value = deployment?.ofParts[name];
    return typeof value === "number" ? value : null;
  };
  return {
    usdPerHour: read("usdPerHour"),
    maxUsd: read("maxUsd"),
    budgetUsdPerDay: read("budgetUsdPerDay"),
    budgetUsdPerMonth: read("budgetUsdPerMonth"),
  };
}
