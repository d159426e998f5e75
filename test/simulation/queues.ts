import type { Chance } from "./chance.ts";

/** How a job waits before it is sent; times are from when it is submitted. */
export type Waiting = {
  /** What is odd is stored as if it had waited for a day. */
  readonly priority: number;
  readonly sendAfterMs: number | null;
  readonly sendBeforeMs: number | null;
  readonly hold: boolean;
};

/** Some time for which nothing of a deployment is sent. */
export type DeploymentPause = {
  readonly deployment: number;
  readonly atMs: number;
  readonly ms: number;
};

/** The next POST of a job that was HELD is answered with 429, and this happens before the job is put back, or right after. */
export type Obstacle = {
  readonly kind: (typeof OBSTACLES)[number];
  readonly atMs: number;
  /** How long its gateway is frozen then. */
  readonly frozenMs: number;
};

/** Recovery gives the job up; its cancel is taken by a gateway that dies; the answer to what puts it back is lost. */
const OBSTACLES = ["given-up", "cancelled", "unanswered"] as const;

/** The credentials of each owner. What the agent submits needs an approval. */
export const CREDENTIALS = ["person", "agent", "lead"] as const;
export type CredentialName = (typeof CREDENTIALS)[number];

export function toWaiting(chance: Chance): Waiting | null {
  if (chance.happens(0.55)) return null;
  const sendAfterMs = chance.happens(0.25) ? chance.random() * 15_000 : null;
  // Some have little time to be sent in.
  const leftMs =
    sendAfterMs === null ? 500 + chance.random() ** 2 * 25_000 : 1 + chance.random() * 3_000;
  return {
    priority: chance.integer(-3, 3),
    sendAfterMs,
    sendBeforeMs: chance.happens(0.4) ? (sendAfterMs ?? 0) + leftMs : null,
    hold: chance.happens(0.2),
  };
}

/** Only where gateways share a database. */
export function toObstacles(chance: Chance, gateways: number, withinMs: number) {
  const count = gateways === 1 || chance.happens(0.7) ? 0 : chance.integer(1, 2);
  return Array.from({ length: count }, (): Obstacle => {
    const kind = chance.pick(OBSTACLES);
    const frozenMs = {
      "given-up": chance.integer(16_500, 21_500),
      cancelled: 2_000,
      unanswered: 0,
    };
    return { kind, atMs: chance.random() * withinMs, frozenMs: frozenMs[kind] };
  });
}

export function toDeploymentPauses(chance: Chance, deployments: number, withinMs: number) {
  const count = chance.happens(0.6) ? 0 : chance.integer(1, 2);
  return Array.from({ length: count }, (): DeploymentPause => {
    const deployment = chance.integer(0, deployments - 1);
    return { deployment, atMs: chance.random() * withinMs, ms: 1_000 + chance.random() * 15_000 };
  });
}
