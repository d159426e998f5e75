import { type Chance, chanceOf } from "./chance.ts";
import { DEPLOYMENTS } from "./deployments.ts";
import {
  type DeploymentPause,
  type Obstacle,
  toDeploymentPauses,
  toObstacles,
  toWaiting,
  type Waiting,
} from "./queues.ts";
import { SIMULATED_PARTS } from "./simulated-part.ts";
import { FAIR, OUTCOMES, type Weather } from "./upstream.ts";

/** Jobs are submitted, and faults begin, within this time. */
export const BUSY_MS = 25_000;

/** One thing that goes wrong; `gateway` is an index, and `ms` how long it lasts. */
type Fault =
  | { readonly kind: "kill" | "stop" | "other-upstream"; readonly gateway: number }
  | { readonly kind: "kill-at-step"; readonly gateway: number; readonly steps: number }
  | { readonly kind: "freeze"; readonly gateway: number; readonly isAfterInsert: boolean }
  | { readonly kind: "cut-database" | "cut-upstream"; readonly gateway: number }
  | { readonly kind: "clock"; readonly gateway: number; readonly aheadMs: number }
  | { readonly kind: "database-away" | "database-slow" | "database-lossy" }
  | { readonly kind: "weather"; readonly weather: Weather };
export type TimedFault = Fault & { readonly atMs: number; readonly ms: number };

/** What a caller does with one job. `mark` identifies it in its input. */
export type Errand = {
  readonly mark: number;
  readonly atMs: number;
  readonly owner: number;
  readonly deployment: number;
  readonly isKeyed: boolean;
  /** Leaves its first call without an answer after so long, and submits again where it has a key. */
  readonly hangsUpMs: number | null;
  readonly coldMs: number;
  readonly runMs: number;
  readonly outcome: number;
  readonly watchers: number;
  readonly cancelsAfterMs: number | null;
  /** How its job waits before it is sent; it is sent at once where that is null. */
  readonly waiting: Waiting | null;
  /** Whether a credential submits it that needs an approval. */
  readonly isByAgent: boolean;
  /** When its job gets another tag. */
  readonly tagsAfterMs: readonly number[];
  readonly afterwards: "nothing" | "delete" | "delete-and-submit" | "submit" | "rerun";
};

export type Plan = {
  readonly seed: string;
  /** One has a file of its own; more share a server. */
  readonly gateways: number;
  /** Those that are on. */
  readonly parts: readonly string[];
  readonly errands: readonly Errand[];
  readonly faults: readonly TimedFault[];
  /** Of deployments. */
  readonly pauses: readonly DeploymentPause[];
  /** To jobs that are put back. */
  readonly obstacles: readonly Obstacle[];
};

export const OWNERS = 3;
/** What a seed stands for. */
export function toPlan(seed: string, jobs = 30): Plan {
  const chance = chanceOf(seed);
  const gateways = chance.happens(0.4) ? 1 : chance.integer(2, chance.happens(0.04) ? 20 : 4);
  const errands = Array.from({ length: jobs }, (_, mark) => toErrand(mark, chanceOf(seed, mark)));
  const count = chance.happens(0.1) ? 0 : chance.integer(1, 12);
  const faults = Array.from({ length: count }, (_, number) =>
    toFault(chance.fork(`fault ${number}`), gateways),
  );
  return {
    seed,
    gateways,
    parts: SIMULATED_PARTS.filter(({ name, share }) => chance.fork(name).happens(share)).map(
      ({ name }) => name,
    ),
    errands,
    faults: faults.toSorted((one, other) => one.atMs - other.atMs),
    pauses: toDeploymentPauses(chance.fork("pauses"), DEPLOYMENTS.length, BUSY_MS),
    obstacles: toObstacles(chance.fork("obstacles"), gateways, BUSY_MS),
  };
}

function toErrand(mark: number, chance: Chance): Errand {
  const isKeyed = chance.happens(0.7);
  const labels = chance.fork("labels");
  const labelledMs = labels.random() * 10_000;
  return {
    mark,
    // Some come at once.
    atMs: chance.happens(0.3) ? chance.integer(0, 4) * 5_000 : chance.random() * BUSY_MS,
    owner: chance.integer(0, OWNERS - 1),
    deployment: chance.integer(0, DEPLOYMENTS.length - 1),
    isKeyed,
    hangsUpMs: chance.happens(0.15) ? chance.random() * 2_000 : null,
    coldMs: chance.happens(0.2) ? chance.random() * 8_000 : 0,
    runMs: 200 + chance.random() ** 3 * 15_000,
    outcome: chance.happens(0.7) ? 0 : chance.integer(0, OUTCOMES.length - 1),
    watchers: chance.integer(0, 3),
    waiting: toWaiting(chance.fork("waiting")),
    isByAgent: chance.fork("credential").happens(0.1),
    cancelsAfterMs: chance.happens(0.2) ? chance.random() ** 2 * 10_000 : null,
    tagsAfterMs: Array.from(
      { length: labels.happens(0.2) ? labels.integer(1, 3) : 0 },
      () => labelledMs + labels.random() * 100,
    ),
    afterwards: chance.happens(0.7)
      ? "nothing"
      : chance.pick(["delete", "delete-and-submit", "submit", "rerun"] as const),
  };
}

function toFault(chance: Chance, gateways: number): TimedFault {
  const atMs = chance.random() * BUSY_MS;
  const ms = 500 + chance.random() ** 2 * 15_000;
  const gateway = chance.integer(0, gateways - 1);
  const usual = [
    "kill",
    "kill-at-step",
    "stop",
    "freeze",
    "cut-upstream",
    "clock",
    "weather",
  ] as const;
  const shared = ["cut-database", "database-away", "database-slow", "database-lossy"] as const;
  const kind = chance.pick(
    gateways === 1
      ? [...usual, "other-upstream" as const]
      : [...usual, ...shared, "other-upstream" as const],
  );
  switch (kind) {
    case "kill-at-step":
      return { kind, gateway, steps: chance.integer(1, 60), atMs, ms };
    case "freeze":
      // A lease that runs out after an insert takes some seconds.
      return chance.fork("insert").happens(0.5)
        ? { kind, gateway, isAfterInsert: true, atMs, ms: 5_000 + chance.random() * 15_000 }
        : { kind, gateway, isAfterInsert: false, atMs, ms: 1_000 + chance.random() ** 4 * 89_000 };
    case "clock":
      return { kind, gateway, aheadMs: (chance.random() - 0.5) * 240_000, atMs, ms };
    case "weather":
      return { kind, weather: toWeather(chance), atMs, ms };
    case "database-away":
    case "database-slow":
    case "database-lossy":
      return { kind, atMs, ms: Math.min(ms, 15_000) };
    case "kill":
    case "stop":
    case "cut-database":
    case "cut-upstream":
    case "other-upstream":
      return { kind, gateway, atMs, ms };
  }
}

function toWeather(chance: Chance): Weather {
  const some = (): number => (chance.happens(0.4) ? chance.random() : 0);
  return {
    ...FAIR,
    unreachable: some(),
    answerLost: some() * 0.7,
    slowMs: chance.happens(0.3) ? chance.random() * 15_000 : 200,
    tooMany: some(),
    retryAfter: chance.random(),
    failing: some(),
    // Each makes the plan a minute longer.
    unpaid: chance.fork("unpaid").happens(0.05) ? chance.random() : 0,
    stale: some() * 0.5,
    garbage: some() * 0.5,
  };
}
