import type { FullJob } from "./use-job";
import { STATUS_WORDS } from "../parts/status";
import { Elapsed, formatSeconds } from "../parts/time";

type Step = {
  readonly name: string;
  /** Null where it has not happened, or nobody saw it. */
  readonly at: string | null;
  readonly note?: string;
};

const TIME = new Intl.DateTimeFormat("en", { timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const EXACT = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "long" });

/** What became of a job and when, with how long each step took. */
export function Timeline({ job }: { readonly job: FullJob }) {
  const steps = toSteps(job);
  const last = steps.findLastIndex(({ at }) => at !== null);
  return (
    <ol className="timeline">
      {steps.map(({ name, at, note }, index) => {
        const before = steps.slice(0, index).findLast((step) => step.at !== null)?.at;
        const isNext = index === last + 1 && !job.isFinished;
        return (
          <li key={name} className={at === null ? "to-come" : undefined}>
            <span>{name}</span>
            <span className="at">
              {at === null ? (
                note
              ) : (
                <Moment at={at} isDayToo={index === 0 || dayOf(at) !== dayOf(job.createdAt)} />
              )}
            </span>
            <span className="took">
              {at !== null && before != null && tookText(secondsBetween(before, at))}
              {isNext && before != null && <Elapsed since={before}>…</Elapsed>}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

function Moment({ at, isDayToo }: { readonly at: string; readonly isDayToo: boolean }) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={EXACT.format(date)}>
      {isDayToo && `${dayOf(at)}, `}
      {TIME.format(date)}
    </time>
  );
}

function toSteps(job: FullJob): readonly Step[] {
  const { status, history } = job;
  const enteredAt = (wanted: FullJob["status"]) =>
    history.find((event) => event.status === wanted)?.at ?? null;
  const unseen = job.isFinished ? "not seen" : "to come";
  const endedAt = job.isFinished ? (job.finishedAt ?? enteredAt(status)) : null;
  return [
    { name: "Submitted", at: job.createdAt },
    { name: "Accepted", at: enteredAt("IN_QUEUE"), note: unseen },
    ...(status === "CANCELLED"
      ? []
      : [{ name: "Started", at: job.startedAt ?? enteredAt("IN_PROGRESS"), note: unseen }]),
    { name: job.isFinished ? STATUS_WORDS[status] : "Ended", at: endedAt, note: "to come" },
    ...(status === "CANCELLED" || status === "FAILED" ? [] : [toKeptStep(job)]),
  ];
}

/** The last change of a job whose files are all kept was that the last of them was. */
function toKeptStep({ assets, updatedAt, isFinished }: FullJob): Step {
  const kept = assets.filter(({ keep }) => keep === "KEPT").length;
  if (assets.length > 0 && kept === assets.length) return { name: "Kept", at: updatedAt };
  if (!isFinished) return { name: "Kept", at: null, note: "to come" };
  if (assets.some(({ keep }) => keep === "PENDING"))
    return { name: "Kept", at: null, note: `${kept} of ${assets.length} so far` };
  return {
    name: "Kept",
    at: null,
    note: assets.length === 0 ? "no files" : `${kept} of ${assets.length}`,
  };
}

function secondsBetween(from: string, to: string): number {
  // Not all of them are by the same clock.
  return Math.max(0, (Date.parse(to) - Date.parse(from)) / 1_000);
}

function tookText(seconds: number): string {
  return seconds < 0.05 ? "at once" : `after ${formatSeconds(seconds)}`;
}

function dayOf(at: string): string {
  return DAY.format(new Date(at));
}
