import type { FullJob } from "./use-job";
import { clock, useStore } from "../store";

type Asset = FullJob["assets"][number];

const UNTIL = new Intl.RelativeTimeFormat("en", { style: "long" });
const EXACT = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "short" });

/** Whether a file stays, and what can be done so that it does. */
export function KeepLine({
  asset: { keep, keepError, expiresAt },
  onKeep,
}: {
  readonly asset: Asset;
  readonly onKeep?: (() => void) | undefined;
}) {
  const now = useStore(clock);
  const isGone = expiresAt !== null && Date.parse(expiresAt) <= now;
  const button = onKeep !== undefined && !isGone && <button onClick={onKeep}>Keep it</button>;
  if (keep === "KEPT") return <span className="keep kept">Kept here, for as long as the job.</span>;
  if (keep === "PENDING") return <span className="keep">Being copied, so that it stays…</span>;
  return (
    <span className="keep row">
      <span className={keep === "FAILED" ? "issue" : "warning"}>
        {keep === "FAILED" && `Not kept: ${keepError ?? "it could not be copied."} `}
        {expiresAt === null ? (
          "RunComfy deletes it 7 days after the job's end."
        ) : (
          <time dateTime={expiresAt} title={EXACT.format(new Date(expiresAt))}>
            {isGone ? "Gone" : "Gone in"} {untilText(Date.parse(expiresAt) - now)}.
          </time>
        )}
      </span>
      {button}
    </span>
  );
}

const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** `3 days`; of what is over, `3 days ago`. */
function untilText(ms: number): string {
  const [unit, length] =
    UNITS.find(([, one]) => Math.abs(ms) >= one) ?? (["minute", 60_000] as const);
  const count = Math.max(1, Math.round(Math.abs(ms) / length));
  if (ms <= 0) return UNTIL.format(-count, unit);
  return new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "long" }).format(count);
}
