import { useConnection } from "runcomfy-graphql-client/react";

import { formatWhole, toDay } from "../model/words";
import { clock, useStore } from "../session/store";

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });
const EXACT = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });

/** A moment as people say it, with the exact one on hover. */
export function Ago({ at }: { readonly at: string }) {
  const seconds = (Date.parse(at) - useStore(clock)) / 1_000;
  const [unit, length] =
    UNITS.find(([, one]) => Math.abs(seconds) >= one) ?? (["second", 1] as const);
  const date = new Date(at);
  return (
    <time dateTime={at} title={EXACT.format(date)}>
      {Math.abs(seconds) < 5 ? "now" : RELATIVE.format(Math.round(seconds / length), unit)}
    </time>
  );
}

/** The name of the day that began at `day`: `Today`, `Yesterday`, or its date. */
export function DayName({ day }: { readonly day: number }) {
  const today = new Date(useStore(clock)).setHours(0, 0, 0, 0);
  if (day === today) return "Today";
  return day === new Date(today - 1).setHours(0, 0, 0, 0) ? "Yesterday" : toDay(day);
}

/** The exact time of a moment. */
export function Moment({ at }: { readonly at: string }) {
  return <time dateTime={at}>{EXACT.format(new Date(at))}</time>;
}

/** How long something has gone on, with what follows the time; while the connection is lost, until then. */
export function Elapsed({
  since,
  children,
}: {
  readonly since: string;
  readonly children: string;
}) {
  const now = useStore(clock);
  const connection = useConnection();
  const until = connection.kind === "away" ? connection.since : now;
  const seconds = Math.max(0, (until - Date.parse(since)) / 1_000);
  return (
    <span title="so far">
      {formatWhole(Math.floor(seconds))}
      {children}
    </span>
  );
}
