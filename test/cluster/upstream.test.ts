import { describe, expect, test } from "vitest";

import { SubmitJobDocument } from "../support/gql/operations.ts";
import { request } from "../support/graphql-client.ts";
import { SHORT_TIMES } from "./cluster.ts";
import { END_PATIENCE_MS, PATIENCE, startTestCluster } from "./test-cluster.ts";

/** A probe at most every second or so, of all gateways together. */
const TRICKLE = 6;
const WINDOW_MS = 3_000;

describe("an upstream", { timeout: 120_000 }, () => {
  test("that is down gets a trickle of looks and of submits, and all jobs recover when it is back", async () => {
    const { cluster, checker } = await startTestCluster({ gateways: 3 });
    const { upstream } = cluster;
    upstream.script("held", ["in_progress"]);
    await checker.submit("held", 100);
    await expect.poll(() => checker.countJobs("IN_PROGRESS"), PATIENCE).toBe(100);
    upstream.setFault("envelope-503");
    let before = Infinity;
    await expect
      .poll(
        () => {
          const looks = upstream.count("status") - before;
          before = upstream.count("status");
          return Number.isFinite(looks) && looks >= 0 && looks <= TRICKLE;
        },
        { ...PATIENCE, interval: WINDOW_MS },
      )
      .toBe(true);

    const posts = upstream.count("submit");
    const variables = { deploymentId: "quick", input: { prompt: "refused" } };
    const submits = cluster.members().flatMap(({ url }) =>
      Array.from({ length: 10 }, async () => {
        const { submitJob } = await request(url, SubmitJobDocument, variables);
        expect(submitJob).toMatchObject({ __typename: "UpstreamError", code: "UNAVAILABLE" });
      }),
    );
    await Promise.all(submits);
    expect(upstream.count("submit") - posts).toBeLessThanOrEqual(TRICKLE);
    expect(await checker.countJobs("IN_PROGRESS")).toBe(100);

    upstream.setFault(null);
    await cluster.finishJobs();
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
    expect(await checker.countJobs("SUCCEEDED")).toBe(100);
  });

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
    const { rows } = await cluster.database.query<{ error_message: string | null }>(
      "select error_message from jobs where status = 'FAILED'",
    );
    expect(rows).toHaveLength(6);
    expect(rows.every(({ error_message: message }) => (message ?? "") !== "")).toBe(true);
  });
});
