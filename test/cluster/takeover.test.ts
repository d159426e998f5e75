import { describe, expect, test } from "vitest";

import { submit } from "../support/graphql-client.ts";
import type { Cluster, Member } from "./cluster.ts";
import { DEFAULT_TIMES, SHORT_TIMES } from "./cluster.ts";
import { readOwned } from "./read-owners.ts";
import { countRefusedSaves } from "./refused-saves.ts";
import { END_PATIENCE_MS, PATIENCE, startTestCluster } from "./test-cluster.ts";

/** Promised are 10 s, on a machine that has the time. */
const TAKE_OVER = { timeout: 15_000, interval: 50 };

describe("a gateway", { timeout: 120_000 }, () => {
  test("that is killed has each of its jobs looked at by another soon, at the default times, and its watchers see the ends there", async () => {
    const { cluster, checker } = await startTestCluster({
      gateways: 1,
      environment: DEFAULT_TIMES,
    });
    cluster.upstream.script("held", ["in_progress"]);
    await checker.submit("held", 24);
    await expect.poll(() => checker.countJobs("IN_PROGRESS"), PATIENCE).toBe(24);
    const victim = await onlyOwner(cluster);
    await cluster.add();

    await cluster.remove(oldest(cluster), "SIGKILL");
    const { requestIds, areAllLookedAt } = await followTakeOver(cluster, victim);
    expect(requestIds.length).toBeGreaterThan(5);
    await expect.poll(areAllLookedAt, TAKE_OVER).toBe(true);

    await cluster.finishJobs();
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
    expect(await checker.countJobs("SUCCEEDED")).toBe(24);
  });

  test("that is asked to stop hands its jobs over at once, long before any lease or beat could tell", async () => {
    const { cluster, checker } = await startTestCluster({
      gateways: 1,
      environment: { ...SHORT_TIMES, LEASE_SECONDS: "60" },
    });
    cluster.upstream.script("held", ["in_progress"]);
    await checker.submit("held", 20);
    const leaving = await onlyOwner(cluster);
    await cluster.add();

    const { requestIds, areAllLookedAt } = await followTakeOver(cluster, leaving);
    expect(requestIds).toHaveLength(20);
    await cluster.remove(oldest(cluster), "SIGTERM");
    await expect.poll(areAllLookedAt, TAKE_OVER).toBe(true);
    await cluster.finishJobs();
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
  });

  test("that is killed among submits leaves none of them open, and none is posted twice, though the clocks of the others are an hour off, either way", async () => {
    const { cluster, checker } = await startTestCluster({ gateways: 1 });
    await cluster.add({ clockShiftSeconds: 3_600 });
    await cluster.add({ clockShiftSeconds: -3_600 });
    const submitting = checker.submit("quick", 50);
    await cluster.upstream.whenRequested("submit", 20);
    await cluster.remove(oldest(cluster), "SIGKILL");
    await submitting;
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
    const unknown = await checker.countJobs("FAILED", "SUBMISSION_UNKNOWN");
    expect((await checker.countJobs("SUCCEEDED")) + unknown).toBe(50);
  });

  test("that was frozen for longer than its lease wakes, changes nothing that others ended, and goes on", async () => {
    const { cluster, checker } = await startTestCluster({ gateways: 1 });
    cluster.upstream.script("held", ["in_queue"]);
    await checker.submit("held", 20);
    const frozen = oldest(cluster);
    const release = cluster.upstream.hold("status");
    const looks = cluster.upstream.requests.length;
    await cluster.upstream.whenRequested("status", cluster.upstream.count("status") + 5);
    frozen.process.signal("SIGSTOP");
    // These answers wait in its sockets until it wakes, and tell then what is news to it and no longer so.
    for (const { call, requestId } of cluster.upstream.requests.slice(looks)) {
      if (call === "status") cluster.upstream.script(requestId ?? "", ["in_progress"]);
    }
    release();
    await cluster.finishJobs();
    await cluster.add();
    await checker.whenAllEnded(END_PATIENCE_MS);
    const ended = await readHistories(cluster);
    const countRefused = await countRefusedSaves(cluster);

    frozen.process.signal("SIGCONT");
    await expect.poll(countRefused, PATIENCE).toBeGreaterThanOrEqual(5);
    expect(await readHistories(cluster)).toEqual(ended);
    await expect.poll(() => isHealthy(frozen), PATIENCE).toBe(true);
    await checker.submit("quick", 20);
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
    // A machine that is busy waking it may let a submit's time-out pass.
    const unknown = await checker.countJobs("FAILED", "SUBMISSION_UNKNOWN");
    const succeeded = await checker.countJobs("SUCCEEDED");
    expect(succeeded + unknown).toBe(40);

    await submit(frozen.url, "quick", "by the one that was frozen");
    await expect.poll(() => checker.countJobs("SUCCEEDED"), PATIENCE).toBe(succeeded + 1);
  });
});

function oldest(cluster: Cluster): Member {
  const [member] = cluster.members();
  if (member === undefined) throw new Error("There is no gateway; start one first.");
  return member;
}

/** The id in the database of the one gateway that owns jobs. */
async function onlyOwner(cluster: Cluster): Promise<string> {
  const [owner, ...others] = new Set((await readOwned(cluster)).map((owned) => owned.owner));
  if (owner === undefined || others.length > 0) throw new Error("Not one gateway owns all jobs.");
  return owner;
}

/** The jobs that a gateway owns now, and whether each has got another owner since and been looked at. */
async function followTakeOver(cluster: Cluster, formerOwner: string) {
  const former = (await readOwned(cluster)).filter(({ owner }) => owner === formerOwner);
  const requestIds = former.map(({ requestId }) => requestId);
  const taken = new Map<string, number>();

  async function areAllLookedAt(): Promise<boolean> {
    const { length } = cluster.upstream.requests;
    for (const { requestId, owner } of await readOwned(cluster)) {
      if (owner !== formerOwner && !taken.has(requestId)) taken.set(requestId, length);
    }
    const looked = cluster.upstream.requests.flatMap(({ call, requestId }, index) =>
      call === "status" && requestId !== null && index >= (taken.get(requestId) ?? Infinity)
        ? requestId
        : [],
    );
    const lookedAt = new Set(looked);
    return requestIds.every((requestId) => lookedAt.has(requestId));
  }

  return { requestIds, areAllLookedAt };
}

async function readHistories({ database }: Cluster): Promise<readonly unknown[]> {
  const { rows } = await database.query(
    "select job_id, version, status, at from job_events order by job_id, version",
  );
  return rows;
}

async function isHealthy({ url }: Member): Promise<boolean> {
  return (await fetch(`${url}/health`, { signal: AbortSignal.timeout(1_000) })).ok;
}
