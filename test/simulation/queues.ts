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

export function toDeploymentPauses(chance: Chance, deployments: number, withinMs: number) {
  const count = chance.happens(0.6) ? 0 : chance.integer(1, 2);
  return Array.from({ length: count }, (): DeploymentPause => {
    const deployment = chance.integer(0, deployments - 1);
    return { deployment, atMs: chance.random() * withinMs, ms: 1_000 + chance.random() * 15_000 };
  });
}
