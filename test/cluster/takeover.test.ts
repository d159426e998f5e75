import { describe, expect, test } from "vitest";

import type { Cluster, Member } from "./cluster.ts";
import { readOwners } from "./read-owners.ts";
import { END_PATIENCE_MS, PATIENCE, startTestCluster } from "./test-cluster.ts";

describe("a gateway", { timeout: 120_000 }, () => {
  test("that is killed in mid-flight loses no job, and its watchers see the ends elsewhere", async () => {
    const { cluster, checker } = await startTestCluster({ gateways: 1 });
    cluster.upstream.script("held", ["in_progress"]);
    await checker.submit("held", 40);
    await expect.poll(() => checker.countJobs("IN_PROGRESS"), PATIENCE).toBe(40);
    await cluster.add();
    await cluster.add();

    await cluster.remove(oldest(cluster), "SIGKILL");
    await cluster.finishJobs();
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
    expect(await checker.countJobs("SUCCEEDED")).toBe(40);
  });

  test("that is killed among submits leaves none of them open, and none is posted twice", async () => {
    const { cluster, checker } = await startTestCluster({ gateways: 2 });
    const submitting = checker.submit("quick", 80);
    await cluster.upstream.whenRequested("submit", 20);
    await cluster.remove(oldest(cluster), "SIGKILL");
    await submitting;
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
    const unknown = await checker.countJobs("FAILED", "SUBMISSION_UNKNOWN");
    expect((await checker.countJobs("SUCCEEDED")) + unknown).toBe(80);
  });

  test("that was frozen for longer than its lease wakes, changes nothing that others ended, and goes on", async () => {
    const { cluster, checker } = await startTestCluster({ gateways: 1 });
    cluster.upstream.script("held", ["in_queue"]);
    await checker.submit("held", 20);
    await cluster.add();
    const frozen = oldest(cluster);
    const release = cluster.upstream.hold("status");
    const looks = cluster.upstream.count("status");
    await cluster.upstream.whenRequested("status", looks + 5);
    frozen.process.signal("SIGSTOP");
    // These answers wait in its sockets until it wakes, and tell then what is no longer so.
    release();
    await cluster.finishJobs();
    await checker.whenAllEnded(END_PATIENCE_MS);

    frozen.process.signal("SIGCONT");
    await checker.submit("quick", 20);
    await checker.whenAllEnded(END_PATIENCE_MS);
    await expect.poll(() => isHealthy(frozen), PATIENCE).toBe(true);
    expect(await checker.findBroken()).toEqual([]);
    expect(await checker.countJobs("SUCCEEDED")).toBe(40);
  });

  test("whose clock is an hour off, either way, does its part and disturbs no other", async () => {
    const { cluster, checker } = await startTestCluster({ gateways: 1 });
    await cluster.add({ clockShiftSeconds: 3_600 });
    await cluster.add({ clockShiftSeconds: -3_600 });
    cluster.upstream.script("held", ["in_progress"]);
    await checker.submit("held", 20);
    await checker.submit("quick", 20);
    await cluster.remove(oldest(cluster), "SIGKILL");
    await cluster.finishJobs();
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
    expect(await checker.countJobs("SUCCEEDED")).toBe(40);
  });
});

describe("many gateways", { timeout: 120_000 }, () => {
  test("are all replaced under load without a lost, repeated or doubtful job", async () => {
    const { cluster, checker } = await startTestCluster({ gateways: 3 });
    cluster.upstream.script("held", ["in_progress"]);
    await checker.submit("held", 20);
    const submitting = checker.submit("quick", 100);
    for (const member of cluster.members()) {
      await cluster.add();
      await cluster.remove(member, "SIGTERM");
    }
    await submitting;
    await cluster.finishJobs();
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
    expect(await checker.countJobs("SUCCEEDED")).toBe(120);
  });

  test("share the jobs that one had alone, and a new one gets its part", async () => {
    const { cluster, checker } = await startTestCluster({ gateways: 1 });
    cluster.upstream.script("held", ["in_progress"]);
    await checker.submit("held", 300);
    await cluster.add();
    await cluster.add();
    await expect.poll(() => isSpread(cluster, 3, 150), PATIENCE).toBe(true);
    await cluster.add();
    await expect.poll(() => isSpread(cluster, 4, 120), PATIENCE).toBe(true);

    await cluster.finishJobs();
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
  });
});

function oldest(cluster: Cluster): Member {
  const [member] = cluster.members();
  if (member === undefined) throw new Error("There is no gateway; start one first.");
  return member;
}

/** Whether so many gateways own jobs, and none more than this. */
async function isSpread(cluster: Cluster, gateways: number, most: number): Promise<boolean> {
  const owners = await readOwners(cluster);
  return owners.length === gateways && owners.every((owned) => owned <= most && owned >= 30);
}

async function isHealthy({ url }: Member): Promise<boolean> {
  return (await fetch(`${url}/health`, { signal: AbortSignal.timeout(1_000) })).ok;
}
