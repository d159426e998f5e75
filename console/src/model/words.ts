import type { DeploymentsQuery, JobRowFragment } from "../gql";

type Deployment = DeploymentsQuery["deployments"][number];

/** What people call each status of a job. */
export const STATUS_WORDS: Readonly<Record<JobRowFragment["status"], string>> = {
  HELD: "Waiting here",
  SUBMITTING: "Sending",
  IN_QUEUE: "Waiting",
  IN_PROGRESS: "Running",
  SUCCEEDED: "Done",
  FAILED: "Failed",
  CANCELLED: "Cancelled",
};

/** How jobs fail that waited here and never ran. */
const UNSENT: ReadonlySet<string> = new Set(["NOT_SENT_IN_TIME", "NOT_APPROVED", "REFUSED"]);

/** Whether a failed job may have cost money, or still be running. */
export function isRisky({ error }: Pick<JobRowFragment, "error">): boolean {
  return error?.retryable === false && !UNSENT.has(error.code);
}

/** Which of RunComfy's APIs runs it, as people call it. */
export const KINDS = {
  LORA: "LoRA",
  COMFYUI: "ComfyUI workflow",
  MODEL: "Model API",
} as const satisfies Record<Deployment["kind"], string>;

/** `$0.04 per output`, and what the catalogue notes beside it. */
export function tellPrice({ amount, unit, note }: NonNullable<Deployment["price"]>): string {
  const base = `From ${formatUsd(amount)} per ${unit}.`;
  return note ? `${base} ${note}` : base;
}

const DAY = new Intl.DateTimeFormat("en", { dateStyle: "long" });

/** `July 22, 2026`, where the person is. */
export function toDay(at: string | number): string {
  return DAY.format(new Date(at));
}

/** With as many digits as small amounts need. */
export const { format: formatUsd } = new Intl.NumberFormat("en", {
  style: "currency",
  currency: "USD",
  maximumFractionDigits: 6,
});

/** The gateway counts no further. */
const MAX_COUNTED = 10_000;

/** `1 job`, `10,000 or more jobs`. */
export function toCountText(jobs: number): string {
  const count = formatCount(Math.min(jobs, MAX_COUNTED));
  return `${count}${jobs >= MAX_COUNTED ? " or more" : ""} ${jobs === 1 ? "job" : "jobs"}`;
}

/** `12,000` */
export function formatCount(count: number): string {
  return count.toLocaleString("en");
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
