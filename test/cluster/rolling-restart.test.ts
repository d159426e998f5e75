import { describe, expect, test } from "vitest";

import { END_PATIENCE_MS, startTestCluster } from "./test-cluster.ts";

describe("many gateways", { timeout: 120_000 }, () => {
  test("are all replaced under load without a lost, repeated or doubtful job", async () => {
    const { cluster, checker } = await startTestCluster({ gateways: 2 });
    cluster.upstream.script("held", ["in_progress"]);
    await checker.submit("held", 20);
    const submitting = checker.submit("quick", 60);
    for (const member of cluster.members()) {
      await cluster.add();
      await cluster.remove(member, "SIGTERM");
    }
    await submitting;
    await cluster.finishJobs();
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
    expect(await checker.countJobs("SUCCEEDED")).toBe(80);
  });
});
