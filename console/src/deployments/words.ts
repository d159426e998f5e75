import type { DeploymentLiveQuery, DeploymentsQuery } from "../gql";
import { formatSeconds, formatWhole } from "../model/words";

export type Deployment = DeploymentsQuery["deployments"][number];
export type Stats = Deployment["stats"];
type Live = NonNullable<NonNullable<DeploymentLiveQuery["deployment"]>["live"]>;
/** With its name; null where it is not known. */
type Fact = readonly [name: string, words: string | null];

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

/** How the last runs went, and what they waited for. */
export function tellStats(stats: Stats): readonly Fact[] {
  const { runs, succeeded, failed, cancelled, queueSeconds, coldStartSeconds } = stats;
  const ends = `${succeeded} succeeded, ${failed} failed, ${cancelled} cancelled`;
  return [
    ["Runs", runs === 0 ? "none yet" : `${tellRuns(runs)}: ${ends}`],
    ["Waits", queueSeconds && spell(queueSeconds)],
    ["Cold starts", coldStartSeconds && spell(coldStartSeconds)],
  ];
}

/** The gateway looks back no further. */
const MAX_RUNS = 200;

function tellRuns(runs: number): string {
  return `${runs < MAX_RUNS ? "" : "the last "}${runs} ${runs === 1 ? "run" : "runs"}`;
}

function spell({ p50, p90 }: { readonly p50: number; readonly p90: number }): string {
  return `half within ${formatSeconds(p50)}, 9 of 10 within ${formatSeconds(p90)}`;
}

const DISABLED = "refused: it is disabled at RunComfy";

/** What RunComfy says of a deployment. */
export function tellLive(live: Live): readonly Fact[] {
  const { isEnabled, status, hardware, minInstances, maxInstances, queueSize, keepWarmSeconds } =
    live;
  return [
    ["Jobs", isEnabled === null ? null : isEnabled ? "accepted" : DISABLED],
    ["State", status],
    ["Machine", hardware.join(" or ") || null],
    ["Instances", tellInstances(minInstances, maxInstances)],
    [
      "Queue target",
      queueSize === null ? null : `${queueSize} for an instance, then another starts`,
    ],
    [
      "Idle instances",
      keepWarmSeconds === null ? null : `stop after ${formatWhole(keepWarmSeconds)}`,
    ],
  ];
}

function tellInstances(least: number | null, most: number | null): string | null {
  if (least === null) return most === null ? null : `at most ${most}`;
  if (most === null) return `at least ${least}`;
  return least === most ? `always ${most}` : `${least} to ${most}`;
}
