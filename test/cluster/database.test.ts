import { describe, expect, test } from "vitest";

import { submit } from "../support/graphql-client.ts";
import { SHORT_TIMES } from "./cluster.ts";
import { countLiving } from "./read-owners.ts";
import { refuseWrites } from "./refuse-writes.ts";
import { END_PATIENCE_MS, PATIENCE, startTestCluster, useTestCluster } from "./test-cluster.ts";

describe("a database", { timeout: 120_000 }, () => {
  const scene = useTestCluster({ gateways: 2 });

  test.each([
    { name: "drops every connection", cut: "drop" },
    { name: "is behind a black hole", cut: "blackHole" },
  ] as const)("that $name for longer than a lease costs time and no job", async ({ cut }) => {
    const { cluster, checker } = scene();
    cluster.upstream.script("held", ["in_progress"]);
    await checker.submit("held", 20);
    cluster.databaseLink[cut]();
    await cluster.finishJobs();
    await expect.poll(() => countLiving(cluster), PATIENCE).toBe(0);
    cluster.databaseLink.heal();
    await checker.submit("quick", 20);
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
    expect(await checker.countJobs("FAILED")).toBe(0);
  });

  test("that refuses writes for a while costs time and no job", async () => {
    // No lease runs out meanwhile, or nobody would see the ends.
    const environment = { ...SHORT_TIMES, LEASE_SECONDS: "60" };
    const { cluster, checker } = await startTestCluster({ gateways: 2, environment });
    cluster.upstream.script("held", ["in_progress"]);
    await checker.submit("held", 20);
    const succeeded = await checker.countJobs("SUCCEEDED");
    await refuseWrites(cluster, true);
    await cluster.finishJobs();
    // The ends are seen upstream, and can't be written down.
    const results = cluster.upstream.count("result");
    await cluster.upstream.whenRequested("result", results + 5);
    expect(await checker.countJobs("SUCCEEDED")).toBe(succeeded);

    const posts = cluster.upstream.count("submit");
    await expect(submit(cluster.url, "quick", "not written down")).rejects.toThrow();
    expect(cluster.upstream.count("submit")).toBe(posts);
    const submitting = checker.submit("quick", 20);
    await refuseWrites(cluster, false);
    await submitting;
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
    expect(await checker.countJobs("FAILED")).toBe(0);
  });
});
