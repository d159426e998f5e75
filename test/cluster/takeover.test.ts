import { expect, test } from "vitest";

import { countNotDue } from "./database-faults.ts";
import { openTestCluster, PATIENCE } from "./test-cluster.ts";

/** Promised are 10 s, on a machine that has the time. */
const TAKE_OVER = { timeout: 15_000, interval: 50 };
const TIMEOUT = { timeout: 120_000 };
const HOUR_SECONDS = 3_600;

const { cluster, checker, expectAllWell, oldest, hold } = await openTestCluster(1);
const { upstream } = cluster;

test(
  "gateways that are asked to stop, under load and with clocks an hour apart, hand their polls over before the claims would end, without a lost, repeated or doubtful job",
  TIMEOUT,
  async () => {
    await hold(10);
    const { release, requestIds } = await holdPolls(5);
    expect(await countNotDue(cluster, requestIds)).toBe(requestIds.length);
    await cluster.remove(oldest(), "SIGTERM");
    release();
    // Those that wait for their time stay as they were.
    expect(await countNotDue(cluster, requestIds)).toBe(0);
    await cluster.add({ clockShiftSeconds: HOUR_SECONDS });
    const submitting = checker.submit("quick", 40);
    await cluster.add({ clockShiftSeconds: -HOUR_SECONDS });
    await cluster.remove(oldest(), "SIGTERM");
    await submitting;
    await cluster.finishJobs();
    await expectAllWell();
    expect(await checker.countJobs("FAILED")).toBe(0);
  },
);

test(
  "of a gateway that is frozen among polls, and one that is killed among polls and submits, another soon polls each job and settles each submit; the one that wakes changes nothing, and goes on",
  TIMEOUT,
  async () => {
    const before = await checker.countJobs("FAILED");
    await hold(6);
    await hold(6, "in_queue");
    const frozen = oldest();
    const first = await holdPolls(4);
    frozen.process.signal("SIGSTOP");
    const whenFrozen = upstream.requests.length;
    // These answers wait in its sockets until it wakes, and tell then what is news to it and no longer so.
    for (const requestId of first.requestIds) upstream.script(requestId, ["in_progress"]);
    first.release();

    const killed = await cluster.add({ clockShiftSeconds: HOUR_SECONDS });
    const submits = upstream.count("submit");
    const releaseSubmits = upstream.hold("submit");
    const submitting = checker.submit("quick", 12);
    await upstream.whenRequested("submit", submits + 6);
    const second = await holdPolls(2);
    await cluster.remove(killed, "SIGKILL");
    const whenKilled = upstream.requests.length;
    second.release();
    releaseSubmits();
    await cluster.add({ clockShiftSeconds: -HOUR_SECONDS });
    // The one that was killed may have taken the first ones over before.
    await expect.poll(() => arePolled(first.requestIds, whenFrozen), TAKE_OVER).toBe(true);
    await expect.poll(() => arePolled(second.requestIds, whenKilled), TAKE_OVER).toBe(true);
    await cluster.finishJobs();
    await submitting;
    await checker.whenAllEnded(45_000);
    const ended = await readHistories();
    const unknown = await checker.countJobs("FAILED", "SUBMISSION_UNKNOWN");
    expect(unknown).toBeGreaterThan(before);
    expect(await checker.countJobs("FAILED")).toBe(unknown);

    frozen.process.signal("SIGCONT");
    await expect.poll(() => isHealthy(frozen.url), PATIENCE).toBe(true);
    expect(await readHistories()).toEqual(ended);
    // Every other one at the one that was frozen.
    await checker.submit("quick", 6);
    await expectAllWell();
  },
);

/** Holds the answers to polls until so many jobs' are under way; returns whose they are. */
async function holdPolls(count: number) {
  const release = upstream.hold("status");
  const before = upstream.requests.length;
  const readHeld = async (): Promise<readonly string[]> => {
    // Probes of an outage, which a busy machine may cause, ask for no job's status.
    const { rows } = await cluster.database.query<{ id: string }>(
      "select request_id as id from jobs where request_id = any($1)",
      [pollsSince(before)],
    );
    return rows.map(({ id }) => id);
  };
  await expect.poll(async () => (await readHeld()).length, PATIENCE).toBeGreaterThanOrEqual(count);
  return { release, requestIds: await readHeld() };
}

/** Whether each was polled since there were so many requests. */
function arePolled(requestIds: readonly string[], since: number): boolean {
  const polled = new Set(pollsSince(since));
  return requestIds.every((requestId) => polled.has(requestId));
}

function pollsSince(since: number): readonly string[] {
  const polls = upstream.requests.slice(since).filter(({ call }) => call === "status");
  return polls.flatMap(({ requestId }) => requestId ?? []);
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
