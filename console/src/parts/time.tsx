import { clock, useStore } from "../store";

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "narrow" });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

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

/** `8.2 s`, `1 min 20 s`; a dash where it is not known. */
export function formatSeconds(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.round((seconds % 3_600) / 60)} min`;
}
