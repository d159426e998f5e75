import { requireScopes } from "../../auth/viewer.ts";
import type { Caller } from "../../engine/caller.ts";
import { badUserInput, CodedError } from "../../runtime/coded-error.ts";
import type { BalanceReader } from "./balance.ts";
import { type Budget, listBudgets, NOTHING, type Taken } from "./budgets.ts";
import { type BudgetLimits, ofCredential } from "./limits.ts";
import type { MoneyRows, UsageRow } from "./money-rows.ts";

export const USAGE_GROUPS = ["DAY", "OWNER", "DEPLOYMENT"] as const;
type UsageGroup = (typeof USAGE_GROUPS)[number];

/** What jobs came to together; what is not grouped by is null. */
export type Usage = {
  readonly day: number | null;
  readonly ownerId: string | null;
  readonly deploymentId: string | null;
  jobs: number;
  runMs: number;
  exactMicros: number;
  estimatedMicros: number;
  unknownJobs: number;
};

/** A budget and what is taken of it. */
export type UsedBudget = Budget & Taken;

export const DAY_MS = 86_400_000;
export const MAX_DAYS = 400;
export const MAX_ROWS = 10_000;

/** What people ask of money. */
export class Money {
  readonly #rows: MoneyRows;
  readonly #limits: BudgetLimits;
  readonly balance: Pick<BalanceReader, "read">;
  /** How many rows an operation has, by its reads. */
  readonly #answered = new WeakMap<object, { rows: number }>();

  constructor(dependencies: {
    readonly rows: MoneyRows;
    readonly limits: BudgetLimits;
    readonly balance: Pick<BalanceReader, "read">;
  }) {
    this.#rows = dependencies.rows;
    this.#limits = dependencies.limits;
    this.balance = dependencies.balance;
  }

  /** The budgets that the viewer's submits count against, and an operator everybody's too. */
  async readBudgets({
    viewer,
    reads,
  }: Pick<Caller, "viewer" | "reads">): Promise<readonly UsedBudget[]> {
    const { ownerId, credential, scopes } = viewer;
    const own = this.#limits.of({
      ...{ ownerId, deploymentId: "", credentialId: credential.id },
      credential: ofCredential(credential),
    });
    // What others have spent is an operator's alone.
    const shown = own.filter(([subject]) => subject === "owner" || subject === "key");
    const all = scopes.has("operate") ? this.#limits.ofAll() : [];
    const read = async () => {
      const budgets = listBudgets([...all, ...shown], await this.#rows.readNow());
      const taken = await this.#rows.readTaken(budgets.map(({ id }) => id));
      return budgets.map((budget) => toUsed(budget, taken.get(budget.id) ?? NOTHING));
    };
    return (await reads.walk((budget) => budget.step(read))).value;
  }

  /**
   * What jobs came to that ended from one day of UTC to another, both included: the viewer's, or everybody's with `operate`.
   * Rejects with BAD_USER_INPUT where that is too much.
   */
  async readUsage(
    { viewer, reads }: Pick<Caller, "viewer" | "reads">,
    { from, to, groupBy }: { from: Date; to: Date; groupBy: readonly UsageGroup[] },
  ): Promise<readonly Usage[]> {
    requireScopes(viewer, "jobs:read");
    const [first, last] = [from, to].map((time) => Math.floor(time.getTime() / DAY_MS));
    if (first === undefined || last === undefined || last < first || last - first >= MAX_DAYS)
      throw badUserInput(
        `\`to\` must not be before \`from\`, and at most ${MAX_DAYS} days are summed up at once. Ask for fewer days.`,
      );
    const ownerId = viewer.scopes.has("operate") ? undefined : viewer.ownerId;
    const sums = new Map<string, Usage>();
    // Callers may name a group any number of times.
    const groups = new Set(groupBy);
    const answered = this.#answered.get(reads) ?? { rows: 0 };
    this.#answered.set(reads, answered);
    const isWhole = await reads.walk((budget) =>
      this.#rows.walkDays({ from: first, to: last, ownerId }, budget, (row) =>
        add(sums, row, { groups, answered }),
      ),
    );
    if (!isWhole) throw new CodedError("READ_TOO_SLOW", TOO_SLOW);
    return [...sums.values()];
  }
}

function toUsed(budget: Budget, taken: Taken): UsedBudget {
  return { ...budget, ...taken };
}

const TOO_SLOW = "There is too much to sum up at once. Ask for fewer days.";

function add(
  sums: Map<string, Usage>,
  row: UsageRow,
  {
    groups,
    answered,
  }: { readonly groups: ReadonlySet<UsageGroup>; readonly answered: { rows: number } },
): void {
  const group = {
    day: groups.has("DAY") ? row.day : null,
    ownerId: groups.has("OWNER") ? row.owner_id : null,
    deploymentId: groups.has("DEPLOYMENT") ? row.deployment_id : null,
  };
  const key = JSON.stringify(group);
  const known = sums.get(key);
  if (known === undefined && ++answered.rows > MAX_ROWS)
    throw badUserInput(
      `There are more than ${MAX_ROWS} rows in one operation. Ask for fewer days, or group by less.`,
    );
  const sum = known ?? { ...group, ...ZERO };
  sum.jobs += row.jobs;
  sum.runMs += row.run_ms;
  sum.exactMicros += row.exact_micros;
  sum.estimatedMicros += row.estimated_micros;
  sum.unknownJobs += row.unknown_jobs;
  sums.set(key, sum);
}

const ZERO = { jobs: 0, runMs: 0, exactMicros: 0, estimatedMicros: 0, unknownJobs: 0 };
