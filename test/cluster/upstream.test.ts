import { describe, expect, test } from "vitest";

import type { FaultName } from "../support/faulty-upstream/faults.ts";
import type { Cluster } from "./cluster.ts";
import { DEFAULT_TIMES } from "./cluster.ts";
import { bearOutage } from "./outage.ts";
import { END_PATIENCE_MS, PATIENCE, useTestCluster } from "./test-cluster.ts";

/** Until probes are as rare as they get; the full minute runs in the soak. */
const KNOWN_MS = 8_000;
/** In that time, of all gateways together; so many jobs would get hundreds. */
const TRICKLE = 32;

describe("an upstream", { timeout: 120_000 }, () => {
  const scene = useTestCluster({ gateways: 2, environment: DEFAULT_TIMES });

  test.each([
    {
      name: "is down for a while",
      form: { leave: setFault("envelope-503"), comeBack: setFault(null) },
      jobs: 120,
    },
    {
      name: "is behind a black hole for a while",
      form: {
        leave: ({ upstreamLink }: Cluster) => upstreamLink.blackHole(),
        comeBack: ({ upstreamLink }: Cluster) => upstreamLink.heal(),
      },
      jobs: 40,
    },
  ])(
    "that $name gets a few probes and no submit, and all of $jobs jobs recover once it is back",
    async ({ form, jobs }) => {
      const { cluster, checker } = scene();
      const figures = await bearOutage({ cluster, checker, jobs, knownMs: KNOWN_MS, form });
      expect(figures.answers).toEqual(["UNAVAILABLE"]);
      expect(figures.polls).toBeLessThan(TRICKLE);
      expect(figures.posts).toBe(0);
      await checker.whenAllEnded(END_PATIENCE_MS);
      expect(await checker.findBroken()).toEqual([]);
      expect(await checker.countJobs("FAILED")).toBe(0);
    },
  );

  test("that can't be connected to recovers all jobs, and posts none twice, when it is back", async () => {
    const { cluster, checker } = scene();
    cluster.upstream.script("held", ["in_progress"]);
    await checker.submit("held", 20);
    cluster.upstreamLink.drop();
    const submitting = checker.submit("quick", 20);
    await cluster.finishJobs();
    await expect.poll(() => cluster.upstreamLink.refused(), PATIENCE).toBeGreaterThan(10);
    cluster.upstreamLink.heal();
    await submitting;
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
  });
});

function setFault(name: FaultName | null): (cluster: Cluster) => void {
  return ({ upstream }) => upstream.setFault(name);
}
