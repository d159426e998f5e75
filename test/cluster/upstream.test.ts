import { describe, expect, test } from "vitest";

import type { FaultName } from "../support/faulty-upstream/faults.ts";
import type { Cluster } from "./cluster.ts";
import { DEFAULT_TIMES, SHORT_TIMES } from "./cluster.ts";
import { bearOutage } from "./outage.ts";
import { END_PATIENCE_MS, PATIENCE, startTestCluster } from "./test-cluster.ts";

/** Of all gateways together, a second; 500 jobs would get hundreds. */
const TRICKLE = 4;
/** Until looks and probes are as rare as they get; the full minute runs in the soak. */
const KNOWN_MS = 9_000;

describe("an upstream", { timeout: 120_000 }, () => {
  test.each([
    {
      name: "is down for a while",
      form: { leave: setFault("envelope-503"), comeBack: setFault(null) },
      jobs: 500,
    },
    {
      name: "is behind a black hole for a while",
      form: {
        leave: ({ upstreamLink }: Cluster) => upstreamLink.blackHole(),
        comeBack: ({ upstreamLink }: Cluster) => upstreamLink.heal(),
      },
      jobs: 100,
    },
  ])(
    "that $name gets a trickle of looks and no submit, and all of $jobs jobs recover within 10 s of its return",
    async ({ form, jobs }) => {
      const { cluster, checker } = await startTestCluster({
        gateways: 3,
        environment: DEFAULT_TIMES,
      });
      const figures = await bearOutage({ cluster, checker, jobs, knownMs: KNOWN_MS, form });
      expect(figures.answers).toEqual(["UNAVAILABLE"]);
      expect(figures.slowestSubmitMs).toBeLessThan(1_000);
      expect(figures.looksASecond).toBeLessThan(TRICKLE);
      expect(figures.looksASecond).toBeGreaterThan(0);
      expect(figures.posts).toBe(0);
      expect(figures.recoveredAfterMs).toBeLessThan(10_000);
      await checker.whenAllEnded(END_PATIENCE_MS);
      expect(await checker.findBroken()).toEqual([]);
      expect(await checker.countJobs("SUCCEEDED")).toBe(jobs);
      expect(await checker.countJobs("FAILED", "SUBMISSION_UNKNOWN")).toBe(0);
    },
  );

  test("that can't be connected to recovers all jobs, and posts none twice, when it is back", async () => {
    const { cluster, checker } = await startTestCluster({ gateways: 2 });
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

  test("whose answers to some jobs can't be read fails those alone, with an error that tells why", async () => {
    const { cluster, checker } = await startTestCluster({
      gateways: 2,
      environment: { ...SHORT_TIMES, JOB_DEADLINE_SECONDS: "10" },
    });
    await checker.submit("fault-deep-body--looks", 3);
    await checker.submit("fault-completed-with-nothing", 3);
    await checker.submit("quick", 40);
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
    expect(await checker.countJobs("SUCCEEDED")).toBe(40);
    const { rows } = await cluster.database.query<{ error_code: string; error_message: string }>(
      "select error_code, error_message from jobs where status = 'FAILED'",
    );
    expect(rows).toHaveLength(6);
    for (const row of rows) {
      expect(row).toEqual({
        error_code: "EXPIRED",
        error_message: expect.stringMatching(
          /^RunComfy's answers about the job could not be read.*Contact support/,
        ),
      });
    }
  });
});

function setFault(name: FaultName | null): (cluster: Cluster) => void {
  return ({ upstream }) => upstream.setFault(name);
}
