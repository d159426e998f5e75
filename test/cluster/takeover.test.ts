import { describe, expect, test } from "vitest";

import { submit } from "../support/graphql-client.ts";
import type { Cluster, Member } from "./cluster.ts";
import { DEFAULT_TIMES } from "./cluster.ts";
import { countNotDue } from "./read-polls.ts";
import { END_PATIENCE_MS, PATIENCE, startTestCluster } from "./test-cluster.ts";

/** Promised are 10 s, on a machine that has the time. */
const TAKE_OVER = { timeout: 15_000, interval: 50 };

describe("a gateway", { timeout: 120_000 }, () => {
  test("that is killed among polls has each of their jobs polled by another soon, and its watchers see the ends there", async () => {
    const { cluster, checker } = await startTestCluster({
      gateways: 1,
      environment: DEFAULT_TIMES,
    });
    cluster.upstream.script("held", ["in_progress"]);
    await checker.submit("held", 24);
    await expect.poll(() => checker.countJobs("IN_PROGRESS"), PATIENCE).toBe(24);
    const { release, requestIds } = await holdPolls(cluster, 10);
    await cluster.add();
    await cluster.remove(oldest(cluster), "SIGKILL");
    const { length } = cluster.upstream.requests;
    release();
    await expect.poll(() => arePolled(cluster, requestIds, length), TAKE_OVER).toBe(true);

    await cluster.finishJobs();
    await checker.whenAllEnded(END_PATIENCE_MS);
    expect(await checker.findBroken()).toEqual([]);
    expect(await checker.countJobs("SUCCEEDED")).toBe(24);
  });

  test("that is asked to stop hands its polls over: they are due before their claims would end", async () => {
    const { cluster, checker } = await startTestCluster({ gateways: 1 });
    cluster.upstream.script("held", ["in_progress"]);
    await checker.submit("held", 20);
    const { release, requestIds } = await holdPolls(cluster, 10);
    expect(await countNotDue(cluster, requestIds)).toBe(requestIds.length);
    await cluster.remove(oldest(cluster), "SIGTERM");
    release();
    // Those that wait for their time stay as they were.
    expect(await countNotDue(cluster, requestIds)).toBe(0);
    await cluster.add();
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

  test("that was frozen for longer than its claims wakes, changes nothing that others ended, and goes on", async () => {
    const { cluster, checker } = await startTestCluster({ gateways: 1 });
    cluster.upstream.script("held", ["in_queue"]);
    await checker.submit("held", 20);
    const frozen = oldest(cluster);
    const release = cluster.upstream.hold("status");
    const polls = cluster.upstream.requests.length;
    await cluster.upstream.whenRequested("status", cluster.upstream.count("status") + 5);
    frozen.process.signal("SIGSTOP");
    // These answers wait in its sockets until it wakes, and tell then what is news to it and no longer so.
    for (const { call, requestId } of cluster.upstream.requests.slice(polls)) {
      if (call === "status") cluster.upstream.script(requestId ?? "", ["in_progress"]);
    }
    release();
    await cluster.finishJobs();
    await cluster.add();
    await checker.whenAllEnded(END_PATIENCE_MS);
    const ended = await readHistories(cluster);

    frozen.process.signal("SIGCONT");
    await expect.poll(() => isHealthy(frozen), PATIENCE).toBe(true);
    expect(await readHistories(cluster)).toEqual(ended);
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

/** Holds the answers to polls until so many are under way; returns whose they are. */
async function holdPolls({ upstream }: Cluster, count: number) {
  const release = upstream.hold("status");
  const before = upstream.requests.length;
  await upstream.whenRequested("status", upstream.count("status") + count);
  const held = upstream.requests.slice(before).filter(({ call }) => call === "status");
  return { release, requestIds: held.flatMap(({ requestId }) => requestId ?? []) };
}

/** Whether each was polled since there were so many requests. */
function arePolled({ upstream }: Cluster, requestIds: readonly string[], since: number): boolean {
  const polls = upstream.requests.slice(since).filter(({ call }) => call === "status");
  const polledAt = new Set(polls.map(({ requestId }) => requestId));
  return requestIds.every((requestId) => polledAt.has(requestId));
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
