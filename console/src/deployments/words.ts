import type { DeploymentLiveQuery, DeploymentsQuery } from "../gql";
import { formatSeconds, formatWhole } from "../parts/time";

export type Deployment = DeploymentsQuery["deployments"][number];
export type Stats = Deployment["stats"];
type Live = NonNullable<NonNullable<DeploymentLiveQuery["deployment"]>["live"]>;

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

/** With as many digits as small amounts need. */
export function formatUsd(amount: number): string {
  return USD.format(amount);
}

const USD = new Intl.NumberFormat("en", {
  style: "currency",
  currency: "USD",
  maximumFractionDigits: 6,
});

/** How the last runs went, at a glance. */
export function toFigures({ runs, succeeded, failed, runSeconds }: Stats) {
  const ended = succeeded + failed;
  const rate = ended === 0 ? "–" : `${Math.floor((100 * succeeded) / ended)} %`;
  return [
    { name: "Success rate", value: rate, note: runs === 0 ? "no runs yet" : tellRuns(runs) },
    {
      name: "Median time",
      value: formatSeconds(runSeconds?.p50),
      note: runSeconds ? `9 of 10 within ${formatSeconds(runSeconds.p90)}` : "not known yet",
    },
  ];
}

/** How the last runs went, as sentences. */
export function tellStats(stats: Stats): string {
  const { runs, succeeded, failed, cancelled, queueSeconds, coldStartSeconds } = stats;
  if (runs === 0) return "None yet.";
  const sentences = [
    `Of ${tellRuns(runs)}, ${succeeded} succeeded, ${failed} failed and ${cancelled} ${cancelled === 1 ? "was" : "were"} cancelled`,
    queueSeconds && `Half waited at most ${spell(queueSeconds)}`,
    coldStartSeconds &&
      `Where an instance had to start first, half waited at most ${spell(coldStartSeconds)}`,
  ];
  return `${sentences.filter(Boolean).join(". ")}.`;
}

/** The gateway looks back no further. */
const MAX_RUNS = 200;

function tellRuns(runs: number): string {
  return `${runs < MAX_RUNS ? "" : "the last "}${runs} ${runs === 1 ? "run" : "runs"}`;
}

function spell({ p50, p90 }: { readonly p50: number; readonly p90: number }): string {
  return `${formatSeconds(p50)}, 9 of 10 at most ${formatSeconds(p90)}`;
}

/** What RunComfy says of a deployment, with a name each; what is not known is left out. */
export function tellLive(live: Live): (readonly [name: string, words: string])[] {
  const { isEnabled, status, hardware, minInstances, maxInstances, queueSize, keepWarmSeconds } =
    live;
  const facts: (readonly [string, string | null])[] = [
    [
      "Jobs",
      isEnabled == null ? null : isEnabled ? "accepted" : "refused: it is disabled at RunComfy",
    ],
    ["State", status ?? null],
    ["Machine", hardware.length > 0 ? hardware.join(" or ") : null],
    ["Instances", tellInstances(minInstances ?? null, maxInstances ?? null)],
    ["Queue limit", queueSize == null ? null : `${queueSize} may wait for an instance`],
    [
      "Idle instances",
      keepWarmSeconds == null ? null : `stop after ${formatWhole(keepWarmSeconds)}`,
    ],
  ];
  return facts.flatMap(([name, words]) => (words === null ? [] : [[name, words] as const]));
}

function tellInstances(least: number | null, most: number | null): string | null {
  if (least === null) return most === null ? null : `at most ${most}`;
  if (most === null) return `at least ${least}`;
  return least === most ? `always ${most}` : `${least} to ${most}`;
}
