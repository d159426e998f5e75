import { expect, test } from "vitest";

import { DEFAULT_TIMES, SHORT_TIMES } from "./cluster.ts";
import { countNotDue } from "./database-faults.ts";
import { openTestCluster, PATIENCE } from "./test-cluster.ts";

/** Promised are 10 s, on a machine that has the time. */
const TAKE_OVER = { timeout: 15_000, interval: 50 };
const TIMEOUT = { timeout: 120_000 };

const { cluster, checker, expectAllWell, oldest, hold } = await openTestCluster({
  gateways: 1,
  environment: { ...DEFAULT_TIMES, SUBMIT_TIMEOUT_SECONDS: SHORT_TIMES.SUBMIT_TIMEOUT_SECONDS },
});
const { upstream } = cluster;

test(
  "a gateway that is killed among polls has each of their jobs polled by another soon, and its watchers see the ends there",
  TIMEOUT,
  async () => {
    await hold(12);
    await expect.poll(() => checker.countJobs("IN_PROGRESS"), PATIENCE).toBe(12);
    const { release, requestIds } = await holdPolls(5);
    await cluster.add();
    await cluster.remove(oldest(), "SIGKILL");
    const { length } = upstream.requests;
    release();
    await expect.poll(() => arePolled(requestIds, length), TAKE_OVER).toBe(true);
    await cluster.finishJobs();
    await expectAllWell();
    expect(await checker.countJobs("SUCCEEDED")).toBe(12);
  },
);

test(
  "a gateway that is asked to stop hands its polls over: they are due before their claims would end",
  TIMEOUT,
  async () => {
    await hold(10);
    const { release, requestIds } = await holdPolls(5);
    expect(await countNotDue(cluster, requestIds)).toBe(requestIds.length);
    await cluster.remove(oldest(), "SIGTERM");
    release();
    // Those that wait for their time stay as they were.
    expect(await countNotDue(cluster, requestIds)).toBe(0);
    await cluster.add();
    await cluster.finishJobs();
    await expectAllWell();
  },
);

test(
  "a gateway that was frozen for longer than its claims wakes, changes nothing that others ended, and goes on",
  TIMEOUT,
  async () => {
    await hold(10, "in_queue");
    const frozen = oldest();
    const release = upstream.hold("status");
    const polls = upstream.requests.length;
    await upstream.whenRequested("status", upstream.count("status") + 5);
    frozen.process.signal("SIGSTOP");
    // These answers wait in its sockets until it wakes, and tell then what is news to it and no longer so.
    for (const { call, requestId } of upstream.requests.slice(polls))
      if (call === "status") upstream.script(requestId ?? "", ["in_progress"]);
    release();
    await cluster.finishJobs();
    await cluster.add();
    await checker.whenAllEnded(45_000);
    const ended = await readHistories();

    frozen.process.signal("SIGCONT");
    await expect.poll(() => isHealthy(frozen.url), PATIENCE).toBe(true);
    expect(await readHistories()).toEqual(ended);
    // Every other one at the one that was frozen.
    await checker.submit("quick", 10);
    await expectAllWell();
  },
);

test(
  "many gateways are all replaced under load without a lost, repeated or doubtful job",
  TIMEOUT,
  async () => {
    const failed = await checker.countJobs("FAILED");
    await hold(10);
    const submitting = checker.submit("quick", 40);
    for (const member of cluster.members()) {
      await cluster.add();
      await cluster.remove(member, "SIGTERM");
    }
    await submitting;
    await cluster.finishJobs();
    await expectAllWell();
    expect(await checker.countJobs("FAILED")).toBe(failed);
  },
);

test(
  "a gateway that is killed among submits leaves none of them open, and none is posted twice, though the clocks of the others are an hour off, either way",
  TIMEOUT,
  async () => {
    await cluster.add({ clockShiftSeconds: 3_600 });
    await cluster.add({ clockShiftSeconds: -3_600 });
    const submits = upstream.count("submit");
    const submitting = checker.submit("quick", 40);
    await upstream.whenRequested("submit", submits + 15);
    await cluster.remove(oldest(), "SIGKILL");
    await submitting;
    await expectAllWell();
  },
);

/** Holds the answers to polls until so many are under way; returns whose they are. */
async function holdPolls(count: number) {
  const release = upstream.hold("status");
  const before = upstream.requests.length;
  await upstream.whenRequested("status", upstream.count("status") + count);
  const held = upstream.requests.slice(before).filter(({ call }) => call === "status");
  return { release, requestIds: held.flatMap(({ requestId }) => requestId ?? []) };
}

/** Whether each was polled since there were so many requests. */
function arePolled(requestIds: readonly string[], since: number): boolean {
  const polls = upstream.requests.slice(since).filter(({ call }) => call === "status");
  const polledAt = new Set(polls.map(({ requestId }) => requestId));
  return requestIds.every((requestId) => polledAt.has(requestId));
}

async function readHistories(): Promise<readonly unknown[]> {
  const { rows } = await cluster.database.query(
    "select job_id, version, status, at from job_events order by job_id, version",
  );
  return rows;
}

async function isHealthy(url: string): Promise<boolean> {
  return (await fetch(`${url}/health`, { signal: AbortSignal.timeout(1_000) })).ok;
}
