import type { Quote } from "../../../src/parts/money/quote.ts";
import type { Row } from "../../simulation/database.ts";
import { DEPLOYMENTS } from "../../simulation/deployments.ts";
import { costOf } from "../../simulation/upstream.ts";

const DAY_MS = 86_400_000;
/** Of an instance's second, and how many it takes to start and is kept. */
const SECOND_MICROS = 1_000;
const OVERHEAD_SECONDS = 10;

/** What the simulation itself writes down of each end, and of a cost that came later. */
export const BILLS = `
  create table simulated_bills (
    id text primary key, owner_id text, deployment_id text, mark integer, status text, was_sent integer,
    run_ms integer, is_unstarted integer, finished_at integer, cost real
  );
  create trigger simulated_bill after update of status on jobs
    when new.finished_at is not null and old.finished_at is null begin
      insert into simulated_bills
        select new.id, new.owner_id, new.deployment_id, json_extract(input, '$.mark'), new.status,
            new.request_id is not null or new.error_code is 'SUBMISSION_UNKNOWN',
            case when new.error_code in ('EXPIRED', 'LOST') then null
              when new.finished_at > new.started_at then new.finished_at - new.started_at
              when new.started_at is not null then new.updated_at - new.started_at
              when new.status = 'SUCCEEDED' then new.finished_at - new.sent_at end,
            new.status = 'CANCELLED' and new.started_at is null, new.finished_at, new.cost
          from job_documents where job_id = new.id;
    end;
  create trigger simulated_late_bill after update of cost on late_costs begin
    update simulated_bills set cost = new.cost where id = new.job_id;
  end`;

/** What is known of a job's price when it is submitted: of some nothing, and of others too little. */
export function toQuote(deploymentId: string, mark: number): Quote {
  const base = { minMicros: null, maxMicros: null, perSecondMicros: null, overheadSeconds: 0 };
  const isModel = DEPLOYMENTS.find(({ id }) => id === deploymentId)?.kind === "model";
  const told = { pricedAt: 0, reason: "It is simulated.", settings: "usual" };
  if (!isModel)
    return {
      ...{ ...base, ...told, source: "ESTIMATED", micros: null, maxMicros: 20_000 },
      ...{ perSecondMicros: SECOND_MICROS, overheadSeconds: OVERHEAD_SECONDS },
      reserveMicros: 20_000,
    };
  const cost = costOf({ kind: "model", mark });
  if (cost === null)
    return { ...base, ...told, source: "UNKNOWN", micros: null, reserveMicros: null };
  const micros = Math.round(cost * (mark % 5 === 4 ? 500_000 : 1_200_000));
  return { ...base, ...told, source: "ESTIMATED", micros, reserveMicros: micros };
}

/** How a job that has ended is to be counted. */
type Bill = {
  readonly id: string;
  /** Names the row of `money_days` that has it. */
  readonly day: string;
  readonly wasSent: boolean;
  readonly runMs: number;
  readonly exact: number | null;
  readonly estimated: number | null;
  /** What its reservations come to; null where they stay. */
  readonly booked: number | null;
};

function toBill(row: Row): Bill {
  const { cost, status, run_ms: runMs } = row;
  const deploymentId = String(row["deployment_id"]);
  const { micros, perSecondMicros } = toQuote(deploymentId, Number(row["mark"]));
  const isDone = status === "SUCCEEDED";
  const isUnstarted = row["is_unstarted"] === 1;
  const exact = typeof cost === "number" ? Math.round(cost * 1e6) : null;
  let estimated: number | null = null;
  if (perSecondMicros === null) estimated = isUnstarted ? 0 : isDone ? micros : null;
  else if (isUnstarted || typeof runMs === "number")
    estimated = Math.round((Number(runMs ?? 0) / 1_000 + OVERHEAD_SECONDS) * perSecondMicros);
  const isSure = status === "CANCELLED" || (isDone && perSecondMicros !== null);
  return {
    id: String(row["id"]),
    day: `${Math.floor(Number(row["finished_at"]) / DAY_MS)} ${row["owner_id"]} ${deploymentId}`,
    wasSent: row["was_sent"] === 1,
    runMs: Number(runMs ?? 0),
    exact,
    estimated: exact === null ? estimated : null,
    booked: exact ?? (isSure ? estimated : null),
  };
}

type Read = (text: string) => readonly Row[];

/** Once all has ended: what is not counted as it came to, as sentences. */
export function findMiscounted(read: Read): readonly string[] {
  const bills = read("select * from simulated_bills").map(toBill);
  return [...findMisbooked(bills, read), ...findWrongDays(bills, read)];
}

function findMisbooked(bills: readonly Bill[], read: Read): readonly string[] {
  const taken = Map.groupBy(read("select job_id, spent_micros from money_reservations"), (row) =>
    String(row["job_id"]),
  );
  return bills.flatMap(({ id, wasSent, booked }) => {
    const own = taken.get(id) ?? [];
    if (wasSent !== own.length > 0) return [`${id} has ${own.length} reservations.`];
    return own
      .filter(({ spent_micros: spent }) => spent !== booked)
      .map(({ spent_micros: spent }) => `${id} came to ${spent}, and truly to ${booked}.`);
  });
}

function findWrongDays(bills: readonly Bill[], read: Read): readonly string[] {
  const sent = bills.filter(({ wasSent }) => wasSent);
  const wanted = [...Map.groupBy(sent, ({ day }) => day)].map(([day, ofDay]) => {
    const sum = (toNumber: (bill: Bill) => number): number =>
      ofDay.reduce((total, bill) => total + toNumber(bill), 0);
    const [exact, estimated] = [sum((bill) => bill.exact ?? 0), sum((bill) => bill.estimated ?? 0)];
    const unknown = ofDay.filter((bill) => bill.exact === null && bill.estimated === null).length;
    return `${day}: ${ofDay.length} ${sum(({ runMs }) => runMs)} ${exact} ${estimated} ${unknown}`;
  });
  const counted = read(
    `select day || ' ' || owner_id || ' ' || deployment_id || ': ' || jobs || ' ' || run_ms || ' ' ||
      exact_micros || ' ' || estimated_micros || ' ' || unknown_jobs as line from money_days`,
  ).map(({ line }) => String(line));
  return [
    ...wanted.filter((line) => !counted.includes(line)).map((line) => `Not counted: ${line}.`),
    ...counted.filter((line) => !wanted.includes(line)).map((line) => `Wrongly counted: ${line}.`),
  ];
}
