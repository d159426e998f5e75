import type { Credential } from "../../auth/viewer.ts";
import type { Catalogue, Deployment } from "../../engine/deployments/catalogue.ts";
import type { Limits, SubjectLimits } from "./budgets.ts";
import { readMembers } from "./entry-members.ts";
import { toMicros } from "./micros.ts";
import type { MoneyRow } from "./money-rows.ts";

/** What an operator has set, in microdollars. */
export type MoneySettings = {
  readonly everybody: Limits;
  readonly owner: Limits;
  /** What is reserved where nobody knows what a job may cost; null refuses it. */
  readonly unknownMicros: number | null;
};

/** Against whose budgets a job counts: those of who submitted it, whoever releases it. */
export type Payer = {
  readonly ownerId: string;
  readonly deploymentId: string;
  readonly credentialId: string | null;
  readonly credential: Limits;
};

export type BudgetLimits = ReturnType<typeof createBudgetLimits>;

/** Which limits there are for whom. */
export function createBudgetLimits(
  settings: MoneySettings,
  { find, deployments }: Pick<Catalogue, "find" | "deployments">,
) {
  /** What a job costs at most, as its deployment's entry says, or else its quote. */
  function toMost(deploymentId: string, quoted: number | null): number | null {
    const { maxUsd } = readMembers(find(deploymentId));
    return maxUsd === null ? quoted : toMicros(maxUsd);
  }

  return {
    /** Those that a job counts against. */
    of({ ownerId, deploymentId, credentialId, credential }: Payer): SubjectLimits {
      return [
        ["everybody", null, settings.everybody],
        ["owner", ownerId, settings.owner],
        ["key", credentialId, credential],
        ["deployment", deploymentId, ofDeployment(find(deploymentId))],
      ];
    },
    /** Those of all, for operators: everybody's and the deployments'. */
    ofAll: (): SubjectLimits => [
      ["everybody", null, settings.everybody],
      ...deployments.map((one) => ["deployment", one.id, ofDeployment(one)] as const),
    ],
    isListed: (deploymentId: string): boolean => find(deploymentId) !== null,
    toMost,
    /** What a job takes of them; null where nobody knows. `quoted` is what its quote says. */
    toReserved: (deploymentId: string, quoted: number | null): number | null =>
      toMost(deploymentId, quoted) ?? settings.unknownMicros,
  };
}

/** Who pays for a job, as its row has it. */
export function toPayer(row: MoneyRow): Payer {
  return {
    ownerId: row.owner_id,
    deploymentId: row.deployment_id,
    credentialId: row.credential_id,
    credential: { day: row.day_limit_micros, month: row.month_limit_micros },
  };
}

/** The limits of a key of its own. */
export function ofCredential({ limits }: Pick<Credential, "limits">): Limits {
  return toLimits(limits?.["budgetUsdPerDay"], limits?.["budgetUsdPerMonth"]);
}

export function toLimits(day: number | null = null, month: number | null = null): Limits {
  return {
    day: day === null ? null : toMicros(day),
    month: month === null ? null : toMicros(month),
  };
}

function ofDeployment(deployment: Deployment | null): Limits {
  const { budgetUsdPerDay, budgetUsdPerMonth } = readMembers(deployment);
  return toLimits(budgetUsdPerDay, budgetUsdPerMonth);
}
