import type { BudgetsQuery } from "../../gql";
import { formatUsd } from "../../model/words";
import { FRAME } from "../../session/queries";
import { useAgain, useFresh, useQuery } from "../../session/session";
import { Problem } from "../../ui/problem";
import { Ago } from "../../ui/time";
import { BUDGETS } from "./money-queries";
import { formatSum } from "./spent";

type Budget = BudgetsQuery["viewer"]["budgets"][number];

/** From which part on a budget is nearly used up. */
const NEARLY = 0.8;
const NAMES: ReadonlyMap<string, string> = new Map([
  ["everybody", "Everybody"],
  ["owner", "You"],
  ["key", "Your key"],
]);
const PERIODS = { DAY: "a day", MONTH: "a month" } as const satisfies Record<
  Budget["period"],
  string
>;

/** What is left of the budgets that the viewer may know of. */
export function Budgets() {
  const { data, error, ask } = useQuery(BUDGETS, {});
  const refresh = (): void => void ask();
  useAgain(ask);
  useFresh(() => true, refresh);
  const { data: frame } = useQuery(FRAME, {});
  const budgets = data?.viewer.budgets;
  function nameOf(name: string): string {
    const [kind = "", ...id] = name.split(" ");
    const deploymentId = id.join(" ");
    const deployment = frame?.deployments.find((one) => one.id === deploymentId);
    return NAMES.get(kind) ?? deployment?.name ?? deploymentId;
  }
  return (
    <section className="card" aria-label="Budgets">
      <h2>Budgets</h2>
      {!budgets && !error && <p role="status">Asking…</p>}
      {!budgets && error && <Problem text={error.message} onRetry={refresh} />}
      {budgets?.length === 0 && <p className="hint">No budget limits what you spend.</p>}
      <ul className="lines">
        {budgets?.map((budget) => (
          <BudgetRow
            key={`${budget.name} ${budget.period}`}
            budget={budget}
            name={nameOf(budget.name)}
          />
        ))}
      </ul>
    </section>
  );
}

function BudgetRow({ budget, name }: { readonly budget: Budget; readonly name: string }) {
  const { period, limitUsd, spentUsd, reservedUsd, leftUsd, renewsAt } = budget;
  const taken = spentUsd + reservedUsd;
  const part = taken / limitUsd;
  return (
    <li className="stack tight">
      <span className="row">
        <b>
          {name}, {formatUsd(limitUsd)} {PERIODS[period]}
        </b>
        <span className={leftUsd <= 0 ? "end issue" : part >= NEARLY ? "end warning" : "end"}>
          {leftUsd <= 0 ? "used up" : `${formatSum(leftUsd)} left`}
        </span>
      </span>
      <meter
        aria-label={`${name}, ${PERIODS[period]}`}
        aria-valuetext={`${Math.round(part * 100)} % used`}
        max={limitUsd}
        low={NEARLY * limitUsd}
        high={0.999 * limitUsd}
        optimum={0}
        value={taken}
      />
      <span className="hint">
        {formatSum(spentUsd)} spent, {formatSum(reservedUsd)} reserved for jobs that have not ended,
        or whose cost nobody knows. It renews <Ago at={renewsAt} />.
      </span>
    </li>
  );
}
