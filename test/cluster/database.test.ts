import { describe, expect, test } from "vitest";

import { submit } from "../support/graphql-client.ts";
import { countNotDue } from "./read-polls.ts";
import { refuseWrites } from "./refuse-writes.ts";
import { END_PATIENCE_MS, PATIENCE, useTestCluster } from "./test-cluster.ts";

describe("a database", { timeout: 120_000 }, () => {
  const scene = useTestCluster({ gateways: 2 });

  test.each([
    { name: "drops every connection", cut: "drop" },
    { name: "is behind a black hole", cut: "blackHole" },
  ] as const)("that $name for longer than a claim costs time and no job", async ({ cut }) => {
    const { cluster, checker } = scene();
    cluster.upstream.script("held", ["in_progress"]);
    await checker.submit("held", 20);
    cluster.databaseLink[cut]();
    await cluster.finishJobs();
    await expect.poll(() => countNotDue(cluster), PATIENCE).toBe(0);
    cluster.databaseLink.heal();
    await checker.submit("quick", 20);
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
    expect(await checker.countJobs("FAILED")).toBe(0);
  });

  test("that refuses writes for a while costs time and no job", async () => {
    const { cluster, checker } = scene();
    cluster.upstream.script("held", ["in_progress"]);
    await checker.submit("held", 20);
    const succeeded = await checker.countJobs("SUCCEEDED");
    await refuseWrites(cluster, true);
    await cluster.finishJobs();
    // What could not be claimed or written down is due when the claims have ended.
    await expect.poll(() => countNotDue(cluster), PATIENCE).toBe(0);
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
