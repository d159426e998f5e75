import type { DeploymentLiveQuery, DeploymentsQuery } from "../gql";
import { formatSeconds, formatWhole } from "../parts/time";

export type Deployment = DeploymentsQuery["deployments"][number];
export type Stats = Deployment["stats"];
type Price = NonNullable<Deployment["price"]>;
type Live = NonNullable<NonNullable<DeploymentLiveQuery["deployment"]>["live"]>;

/** Which of RunComfy's APIs runs it, as people call it. */
export const KINDS = {
  LORA: "LoRA",
  COMFYUI: "ComfyUI workflow",
  MODEL: "Model API",
} as const satisfies Record<Deployment["kind"], string>;

/** `$0.04 per output`, and what the catalogue notes beside it. */
export function tellPrice({ amount, unit, note }: Price): string {
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

type Halves = { readonly p50: number; readonly p90: number };

const MAX_RUNS = 200;
/** Below that `formatSeconds` says 0. */
const MIN_LENGTH = 0.05;

/** How the last runs went, as sentences. */
export function tellStats({
  runs,
  succeeded,
  failed,
  cancelled,
  runSeconds,
  queueSeconds,
  coldStartSeconds,
}: Stats): string {
  if (runs === 0) return "It has not run yet.";
  const ended = [
    `${tellCount(succeeded, runs)} succeeded`,
    failed > 0 && `${failed} failed`,
    cancelled > 0 && `${cancelled} ${cancelled === 1 ? "was" : "were"} cancelled`,
  ];
  const sentences = [
    [ended.filter(Boolean).join(", "), runSeconds && `half ran at most ${spell(runSeconds)}`],
    [queueSeconds && tellWait(queueSeconds)],
    [
      coldStartSeconds &&
        `Where an instance had to start first, half waited at most ${spell(coldStartSeconds)}`,
    ],
  ];
  const told = sentences.map((parts) => parts.filter(Boolean).join("; "));
  return told.filter((sentence) => sentence !== "").join(". ") + ".";
}

function tellCount(succeeded: number, runs: number): string {
  const all =
    runs < MAX_RUNS ? `its ${runs} ${runs === 1 ? "run" : "runs"}` : `the last ${runs} runs`;
  if (succeeded === 0) return `None of ${all}`;
  return succeeded === runs ? `All of ${all}` : `${succeeded} of ${all}`;
}

function tellWait(waits: Halves): string {
  if (waits.p50 >= MIN_LENGTH) return `Half waited at most ${spell(waits)}`;
  const most = waits.p90 >= MIN_LENGTH ? `9 of 10 waited at most ${formatSeconds(waits.p90)}` : "";
  return most ? `Half did not wait, ${most}` : "9 of 10 did not wait";
}

function spell({ p50, p90 }: Halves): string {
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
    ["Queue", queueSize == null ? null : `${queueSize} may wait for an instance`],
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
