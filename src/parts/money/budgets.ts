import { LimitError } from "../../runtime/coded-error.ts";
import { clock } from "../../runtime/environment.ts";
import { toUsd } from "./micros.ts";

/** The days and months of UTC. */
type Period = "day" | "month";

/** What may be spent in a period, in whole microdollars. */
export type Budget = {
  /** Names its subject and the period; budgets are locked in the order of their ids. */
  readonly id: string;
  /** Whose it is, in a sentence: "everybody", "owner ben", "key 4f…", "deployment d". */
  readonly name: string;
  readonly subject: Subject;
  readonly period: Period;
  readonly limitMicros: number;
  /** When the next period begins, in milliseconds since 1970. */
  readonly renewsAt: number;
};

/** In the order in which they are locked: a submit that its own budgets refuse has locked nobody else's. */
const SUBJECTS = ["key", "owner", "deployment", "everybody"] as const;
type Subject = (typeof SUBJECTS)[number];

/** Null is no limit. */
export type Limits = Readonly<Record<Period, number | null>>;

/** Limits of several subjects; everybody has no id. */
export type SubjectLimits = readonly (readonly [
  subject: Subject,
  id: string | null,
  limits: Limits,
])[];

/** What is taken of a budget. */
export type Taken = { readonly reservedMicros: number; readonly spentMicros: number };
export const NOTHING: Taken = { reservedMicros: 0, spentMicros: 0 };

const PERIODS = ["day", "month"] as const;

/** The budgets that these limits make, in the order in which they are locked. */
export function listBudgets(limits: SubjectLimits, nowMs: number): readonly Budget[] {
  const budgets = limits.flatMap(([subject, id, ofSubject]) =>
    PERIODS.flatMap((period) => {
      const limitMicros = ofSubject[period];
      if (limitMicros === null) return [];
      const { label, renewsAt } = toPeriod(period, nowMs);
      const name = id === null ? subject : `${subject} ${id}`;
      const budgetId = `${SUBJECTS.indexOf(subject)} ${name} ${label}`;
      return [{ id: budgetId, name, subject, period, limitMicros, renewsAt }];
    }),
  );
  return budgets.toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

/** Whether there is any. */
export function hasBudget(limits: SubjectLimits): boolean {
  return limits.some(([, , { day, month }]) => day !== null || month !== null);
}

/** Whether so much more fits. */
export function fits(
  { limitMicros }: Pick<Budget, "limitMicros">,
  { reservedMicros, spentMicros }: Taken,
  micros: number,
): boolean {
  return reservedMicros + spentMicros + micros <= limitMicros;
}

/** What new jobs may cost; 0 where more was spent than may be. */
export function toLeftMicros(
  { limitMicros }: Pick<Budget, "limitMicros">,
  { reservedMicros, spentMicros }: Taken,
): number {
  return Math.max(0, limitMicros - spentMicros - reservedMicros);
}

/** The refusal of a job that doesn't fit. */
export function budgetExceeded(budget: Budget, taken: Taken, micros: number): LimitError {
  const { name, period, limitMicros, renewsAt } = budget;
  const left = toLeftMicros(budget, taken);
  const [what, of] = [`the budget of ${name} for this ${period}`, toUsdText(limitMicros)];
  const neverFits = micros > limitMicros;
  const next = neverFits
    ? "It never fits. Ask this service's operator for a larger budget."
    : `It renews at ${new Date(renewsAt).toISOString()}: submit again then, or ask this service's operator for a larger one.`;
  return new LimitError(
    `This job may cost ${toUsdText(micros)}, and ${what} has ${toUsdText(left)} of ${of} left, so it was not sent. ${next}`,
    {
      limitName: "budget",
      code: "BUDGET_EXCEEDED",
      retryAfterSeconds: neverFits
        ? undefined
        : Math.max(1, Math.ceil((renewsAt - clock.now()) / 1_000)),
      limit: toUsd(limitMicros),
    },
  );
}

/** The refusal of a job under a budget of which nobody knows what it may cost. */
export function costUnknown({ name }: Pick<Budget, "name">): LimitError {
  return new LimitError(
    `The budget of ${name} counts what jobs may cost, which nobody knows of this one, so it was not sent. Ask this service's operator to say what it may cost at most.`,
    { limitName: "budget", code: "BUDGET_EXCEEDED", retryAfterSeconds: undefined, limit: 0 },
  );
}

/** With cents, and more digits where there are any. */
export function toUsdText(micros: number): string {
  const [whole = "0", digits = ""] = toUsd(micros).toFixed(6).split(".");
  return `$${whole}.${digits.replace(/0{1,4}$/, "")}`;
}

function toPeriod(period: Period, nowMs: number) {
  const iso = new Date(nowMs).toISOString();
  const [year, month, day] = [iso.slice(0, 4), iso.slice(5, 7), iso.slice(8, 10)].map(Number);
  const isDay = period === "day";
  return {
    label: iso.slice(0, isDay ? 10 : 7),
    renewsAt: Date.UTC(year ?? 0, (month ?? 1) - (isDay ? 1 : 0), isDay ? (day ?? 1) + 1 : 1),
  };
}
