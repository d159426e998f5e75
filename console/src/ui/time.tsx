import { clock, useStore } from "../session/store";

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });
const EXACT = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });

const DAY = new Intl.DateTimeFormat("en", { dateStyle: "long" });

export function toDay(at: string): string {
  return DAY.format(new Date(at));
}

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
  return day === new Date(today - 1).setHours(0, 0, 0, 0) ? "Yesterday" : DAY.format(day);
}

/** The exact time of a moment. */
export function Moment({ at }: { readonly at: string }) {
  return <time dateTime={at}>{EXACT.format(new Date(at))}</time>;
}

/** How long something has gone on, with what follows the time. */
export function Elapsed({
  since,
  children,
}: {
  readonly since: string;
  readonly children: string;
}) {
  const seconds = Math.max(0, (useStore(clock) - Date.parse(since)) / 1_000);
  return (
    <span className="so-far" title="so far">
      {formatWhole(Math.floor(seconds))}
      {children}
    </span>
  );
}

/** How long something took: `8.2 s`, and from ten seconds on as `formatWhole`; a dash where it is not known. */
export function formatSeconds(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "–";
  return seconds < 9.95 ? `${seconds.toFixed(1)} s` : formatWhole(seconds);
}

/** `8 s`, `1 min 20 s`, `2 h`. */
export function formatWhole(seconds: number): string {
  // Rounded before it is split: no minute has 60 seconds.
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return whole < 3_600 ? split(whole, "min", "s") : split(Math.round(whole / 60), "h", "min");
}

function split(count: number, unit: string, part: string): string {
  const rest = count % 60;
  return `${Math.floor(count / 60)} ${unit}${rest === 0 ? "" : ` ${rest} ${part}`}`;
}
