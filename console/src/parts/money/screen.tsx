import { Link, useSearchParams } from "wouter";

import type { SpendingQuery } from "../../gql";
import { formatUsd } from "../../model/words";
import { useAgain, useFresh, useQuery } from "../../session/session";
import { clock, useStore } from "../../session/store";
import { useViewer } from "../../session/viewer";
import { Figure } from "../../ui/figure";
import { Problem } from "../../ui/problem";
import { Ago } from "../../ui/time";
import { useTitle } from "../../ui/use-title";
import { Budgets } from "./budgets";
import { Chart } from "./chart";
import { BALANCE, SPENDING } from "./money-queries";
import { type Month, readMonth, toMonth } from "./month";
import { sumUp, tellJobs, tellSpent } from "./spent";
import { DeploymentTable, OwnerTable } from "./tables";
import "./money.css";

/** What a month has cost, what is left of the budgets and, for operators, of the balance. */
export function Spending() {
  useTitle("Spending");
  const viewer = useViewer();
  const isAllowed = viewer.may("jobs:read");
  const [parameters] = useSearchParams();
  const latest = useStore(thisMonth);
  const month = readMonth(parameters.get("month") ?? "", latest);
  const { from, to, name, previous, next } = month;
  const { data, error, ask } = useQuery(SPENDING, { from, to }, isAllowed);
  const refresh = (): void => void ask();
  // A late cost is no job's end.
  useAgain(ask, isAllowed);
  useFresh(({ isFinished }) => isFinished && isAllowed, refresh);
  return (
    <div className="stack">
      <div className="row">
        <h1>Spending in {name}</h1>
        <nav aria-label="Months" className="row end">
          <Link className="button" href={`/spending?month=${previous}`}>
            Month before
          </Link>
          {next !== null && (
            <Link className="button" href={`/spending?month=${next}`}>
              Month after
            </Link>
          )}
        </nav>
      </div>
      {!isAllowed && <p className="empty">{LACKING}</p>}
      {isAllowed && !data && !error && <p role="status">Asking…</p>}
      {!data && error && <Problem text={error.message} onRetry={refresh} />}
      {data && <Spent {...{ data, month }} />}
      <Budgets />
      {data && viewer.may("operate") && <OwnerTable rows={data.owners} />}
      {data && <DeploymentTable rows={data.deployments} />}
    </div>
  );
}

const LACKING =
  "What was spent can't be shown: your credential lacks the scope jobs:read. Ask the gateway's operator for one that has it.";

/** The gateway asks RunComfy no more often. */
const BALANCE_AGAIN_MS = 60_000;

const thisMonth = { subscribe: clock.subscribe, get: () => toMonth(clock.get()) };

/** The month in figures, and by day. */
function Spent({ data, month }: { readonly data: SpendingQuery; readonly month: Month }) {
  const viewer = useViewer();
  const isOperator = viewer.may("operate");
  const all = sumUp(data.owners);
  const own = sumUp(data.owners.filter(({ ownerId }) => ownerId === viewer.id));
  return (
    <section className="card" aria-label="By day">
      <dl className="money-figures">
        {isOperator && <Figure name="Everybody" {...toFigure(all)} />}
        <Figure name="You" {...toFigure(own)} />
        {isOperator && <Balance />}
      </dl>
      {all.jobs > 0 && <Chart {...{ month }} days={data.days} />}
      <p className="hint">
        A job counts on the day on which it ended, in UTC. What is estimated is no bill: RunComfy
        reports costs of models' runs alone, and estimates are their upper bounds.
      </p>
    </section>
  );
}

function toFigure(spent: Parameters<typeof tellSpent>[0]) {
  if (spent.jobs === 0) return { value: "–", note: "no job has ended" };
  return { value: tellSpent(spent), note: tellJobs(spent) };
}

/** What is left on the RunComfy account. */
function Balance() {
  const { data, error, ask } = useQuery(BALANCE, {});
  useAgain(ask, true, BALANCE_AGAIN_MS);
  const balance = data?.balance;
  const isEmpty = balance != null && balance.usd <= 0;
  return (
    <Figure
      name="Balance at RunComfy"
      value={balance ? formatUsd(balance.usd) : "–"}
      isBad={isEmpty}
      note={
        <>
          {balance && <Ago at={balance.readAt} />}
          {isEmpty && ". RunComfy starts nothing until it is topped up."}
          {!balance && (error?.message ?? (data ? "RunComfy doesn't say" : "asking…"))}
        </>
      }
    />
  );
}
