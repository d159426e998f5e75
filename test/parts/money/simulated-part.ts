import { BudgetAdmission } from "../../../src/parts/money/admission.ts";
import { createBudgetLimits } from "../../../src/parts/money/limits.ts";
import { createMoneyRows } from "../../../src/parts/money/money-rows.ts";
import { chanceOf } from "../../simulation/chance.ts";
import { CATALOGUE, DEPLOYMENTS } from "../../simulation/deployments.ts";
import type { SimulatedPart } from "../../simulation/simulated-part.ts";
import { BILLS, findMiscounted, toQuote } from "./simulated-bills.ts";

/** More than all jobs of a plan may cost. */
const ENOUGH_MICROS = 1e9;
/** The deployment that has a budget of its own. */
const LIMITED = DEPLOYMENTS[1]?.id;

/** Jobs count against budgets that are too small for all of them, until an operator raises these. */
export const simulated: SimulatedPart = {
  name: "money",
  share: 0.25,
  keepsOutputs: false,
  open({ plan, world, read }) {
    const broken: string[] = [];
    const chance = chanceOf(plan.seed).fork("budgets");
    const lastMs = Math.max(...plan.errands.map(({ atMs }) => atMs));
    const raisedAtMs = lastMs * (0.5 + chance.random() * 0.7);
    const toLimit = (microsForEach: number): (() => number) => {
      const first = Math.ceil(microsForEach * plan.errands.length * (0.3 + chance.random()));
      return () => (world.nowMs < raisedAtMs ? first : ENOUGH_MICROS);
    };
    const limits: Readonly<Record<string, () => number>> = {
      "day everybody": toLimit(10_000),
      "month everybody": toLimit(12_000),
      "day owner": toLimit(4_000),
      "day deployment": toLimit(4_000),
    };
    const limitOf = (name: string): number => limits[name]?.() ?? 0;

    const budgets = createBudgetLimits(
      {
        unknownMicros: 20_000,
        get everybody() {
          return { day: limitOf("day everybody"), month: limitOf("month everybody") };
        },
        get owner() {
          return { day: limitOf("day owner"), month: null };
        },
      },
      {
        deployments: CATALOGUE.deployments,
        find(id) {
          const found = CATALOGUE.find(id);
          const usd = limitOf("day deployment") / 1e6;
          return id === LIMITED && found ? { ...found, ofParts: { budgetUsdPerDay: usd } } : found;
        },
      },
    );

    return {
      given: BILLS,
      start: () => ({ close: async () => undefined }),
      admission: ({ store, log }) =>
        new BudgetAdmission({
          rows: createMoneyRows(store),
          quotes: {
            quote: async ({ deploymentId, input }) => toQuote(deploymentId, Number(input["mark"])),
          },
          limits: budgets,
          log,
        }),
      toWrite: () => null,
      notePost(mark, sender) {
        const [job] = read(
          `select deployment_id, (select count(*) from money_reservations as taken
              where taken.job_id = jobs.id and spent_micros is null) as count
            from jobs join job_documents on job_id = id where json_extract(input, '$.mark') = ${mark}`,
        );
        const most = job?.["deployment_id"] === LIMITED ? 4 : 3;
        if (job?.["count"] !== most)
          broken.push(`${sender} sent ${mark} with ${job?.["count"]} reservations of ${most}.`);
      },
      check() {
        for (const { id, off, within } of read(TAKEN)) {
          const words = String(id).split(" ");
          const limit = limitOf(`${words.at(-1)?.length === 7 ? "month" : "day"} ${words[1]}`);
          if (off !== 0) broken.push(`What is taken of ${id} is not the sum of its reservations.`);
          if (Number(within) > limit) broken.push(`Of ${id}, ${within} are taken, of ${limit}.`);
        }
        for (const { job_id: id } of read(UNSENT))
          broken.push(`${id} takes of budgets, and was not sent.`);
        const [row] = read("select count(*) as open from jobs where finished_at is null");
        if (row?.["open"] === 0) broken.push(...findMiscounted(read));
      },
      findMissing() {
        const [row] = read("select count(*) as late from late_costs");
        return row?.["late"] === 0 ? [] : [`${row?.["late"]} costs are still asked for.`];
      },
      broken,
    };
  },
};

/** Of each budget, whether it differs from its rows, and what these take without costs above their reservations. */
const TAKEN = `
  select coalesce(id, taken.budget) as id,
      id is null
        or reserved_micros <> total(case when taken.spent_micros is null then taken.micros else 0 end)
        or budgets.spent_micros <> total(taken.spent_micros) as off,
      sum(min(taken.micros, coalesce(taken.spent_micros, taken.micros))) as within
    from money_reservations as taken full join money_budgets as budgets on taken.budget = id
    group by 1`;

const UNSENT = `
  select job_id from money_reservations as taken
      left join jobs on jobs.id = job_id left join simulated_bills as bills on bills.id = job_id
    where jobs.status = 'HELD' or coalesce(jobs.id, bills.id) is null`;
