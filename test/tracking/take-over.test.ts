import pg from "pg";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { createJob } from "../../src/job/job.ts";
import type { Pace } from "../../src/runcomfy/pace.ts";
import { createPace } from "../../src/runcomfy/pace.ts";
import { RunComfyError } from "../../src/runcomfy/runcomfy-error.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createHeartbeat } from "../../src/tracking/heartbeat.ts";
import type { Lease, TakeOver } from "../../src/tracking/take-over.ts";
import { createLease, createTakeOver } from "../../src/tracking/take-over.ts";
import { createRecordObservation } from "../../src/tracking/record-observation.ts";
import { createDatabase } from "../support/postgres.ts";

let logged: string[];
const log = pino({ level: "warn" }, { write: (line: string) => void logged.push(line) });
const LEASE_MS = 6_000;
const BEAT_MS = LEASE_MS / 3;

let database: Awaited<ReturnType<typeof createDatabase>>;
let store: JobStore;
let takeOver: TakeOver;
let lease: Lease;
/** What the poller follows, in the order in which it was given it. */
let followed: Set<string>;
let nowMs: number;
let settlingMs: number;
let submitting: Set<string>;
let pace: Pace;
const monotonic = () => nowMs;
let looks: { readonly jobId: string; end(): void }[];

beforeEach(async () => {
  logged = [];
  looks = [];
  followed = new Set();
  nowMs = 0;
  settlingMs = 0;
  submitting = new Set();
  database = await createDatabase();
  store = await openStore({ databaseUrl: database.url, log, leaseMs: 60_000 });
  lease = createLease({ leaseMs: LEASE_MS, monotonic });
  pace = createPace({ now: monotonic, random: () => 0, log, cutOffAfterMs: LEASE_MS });
  const record = createRecordObservation({ jobs: store.jobs, now: Date.now });
  takeOver = createTakeOver({
    store,
    poller: {
      resume: ({ id }) => void followed.add(id),
      keepOnly: () => undefined,
      drop: () => undefined,
      async lookNow(jobId) {
        const { promise, resolve } = Promise.withResolvers<void>();
        looks.push({ jobId, end: resolve });
        await promise;
      },
    },
    pace,
    lease,
    leaseMs: LEASE_MS,
    record(...change) {
      nowMs += settlingMs;
      return record(...change);
    },
    isSubmitting: (jobId) => submitting.has(jobId),
    onShares: () => undefined,
    monotonic,
    log,
  });
  await takeOver.renew();
});

afterEach(async () => {
  await store.close();
  await database.drop();
});

async function abandon(): Promise<string> {
  const job = createJob({ ownerId: "local", deploymentId: "d", apiVersion: "v1", now: new Date() });
  await store.jobs.insert({ job, input: {}, key: null, leaseMs: 0 });
  return job.id;
}

/** What a beat does of it, a beat's time after the one before. */
async function beat(): Promise<void> {
  nowMs += BEAT_MS;
  await takeOver.renew();
  await takeOver.settleAbandoned();
}

/** Runs one statement past the store. */
async function query(statement: string): Promise<void> {
  const client = new pg.Client(database.url);
  await client.connect();
  await client.query(statement);
  await client.end();
}

async function countOpen(): Promise<number> {
  return await store.jobs.count({ statuses: ["SUBMITTING"] });
}

test("an abandoned submit is settled once each beat of a whole lease has found it so", async () => {
  await abandon();
  for (let beats = 0; beats < 3; beats++) {
    await beat();
    expect(await countOpen()).toBe(1);
  }
  await beat();
  expect(await countOpen()).toBe(0);
});

test("a submit that was found abandoned before a beat failed has to be found so again for a whole lease", async () => {
  await abandon();
  for (let beats = 0; beats < 3; beats++) await beat();
  takeOver.forgetAbandoned();
  for (let beats = 0; beats < 3; beats++) await beat();
  expect(await countOpen()).toBe(1);
  await beat();
  expect(await countOpen()).toBe(0);
});

test("a gateway whose own lease has run out believes nothing that it found before", async () => {
  await abandon();
  await beat();
  nowMs += LEASE_MS;
  await beat();
  expect(await countOpen()).toBe(1);
});

test("a submit of this very process is left to it", async () => {
  submitting.add(await abandon());
  for (let beats = 0; beats < 5; beats++) await beat();
  expect(await countOpen()).toBe(1);
});

test("a beat that settles many submits slowly leaves the rest to the next beats", async () => {
  for (let count = 0; count < 12; count++) await abandon();
  settlingMs = BEAT_MS / 10;
  for (let beats = 0; beats < 4; beats++) await beat();
  const left = await countOpen();
  expect(left).toBeGreaterThan(3);
  expect(left).toBeLessThan(12);
  await beat();
  await beat();
  expect(await countOpen()).toBe(0);
});

test("a submit that is settled as unknown is logged once, with its job's id", async () => {
  const jobId = await abandon();
  for (let beats = 0; beats < 6; beats++) await beat();
  expect(logged).toHaveLength(1);
  expect(logged[0]).toContain(jobId);
  expect(logged[0]).toMatch(/nobody knows whether RunComfy took it/);
});

test("a lease that had run out is told once each time, with what to check, and the first one never", async () => {
  await beat();
  expect(logged).toEqual([]);
  for (let lapses = 1; lapses <= 2; lapses++) {
    nowMs += LEASE_MS;
    await beat();
    await beat();
    expect(logged).toHaveLength(lapses);
  }
  expect(logged[0]).toMatch(/lease had run out.*LEASE_SECONDS/);
});

test("more jobs than fit into a beat are taken over in groups, oldest first, and the lease is renewed between them", async () => {
  const COUNT = 6_000;
  await query(
    `insert into jobs (id, owner_id, deployment_id, api_version, status, version, created_at, updated_at, submit_until)
       select 'job_' || n, 'local', 'd', 'v1', 'IN_QUEUE', 2, n, n, 0 from generate_series(1, ${COUNT}) n`,
  );
  const { claim, renew } = store.ownership;
  let isAlwaysHeld = true;
  const claimsByRenewal: number[] = [];
  store.ownership.renew = async (reach) => {
    claimsByRenewal.unshift(0);
    return await renew(reach);
  };
  store.ownership.claim = async (limit) => {
    claimsByRenewal[0] = (claimsByRenewal[0] ?? 0) + 1;
    const jobs = await claim(limit);
    nowMs += LEASE_MS / 8;
    isAlwaysHeld &&= lease.isHeld();
    return jobs;
  };
  const heartbeat = createHeartbeat({
    ownership: store.ownership,
    takeOver,
    exchangePauses: () => Promise.resolve(),
    leaseMs: LEASE_MS,
    monotonic,
    log,
  });
  await heartbeat.start();
  await expect.poll(() => followed.size, { timeout: 20_000 }).toBe(COUNT);
  await heartbeat.close();
  expect([...followed]).toEqual(Array.from({ length: COUNT }, (_, index) => `job_${index + 1}`));
  expect(Math.max(...claimsByRenewal)).toBe(2);
  expect(isAlwaysHeld).toBe(true);
  expect(logged).toEqual([]);
});

describe("beside another gateway", () => {
  let other: JobStore;

  beforeEach(async () => {
    other = await openStore({ databaseUrl: database.url, log, leaseMs: 60_000 });
  });

  afterEach(() => other.close());

  async function insertInto(owner: JobStore, count: number): Promise<void> {
    for (let inserted = 0; inserted < count; inserted++) {
      const job = createJob({
        ownerId: "local",
        deploymentId: "d",
        apiVersion: "v1",
        now: new Date(),
      });
      await owner.jobs.insert({ job: { ...job, status: "IN_QUEUE" }, input: {}, key: null });
    }
  }

  /** Lets both have lived for a lease. */
  async function age(): Promise<void> {
    await query("update gateways set shares_from = 0");
  }

  function failReads(): void {
    const error = new RunComfyError("It failed.", { code: "UNAVAILABLE", delivery: "unknown" });
    for (let reads = 0; reads < 5; reads++) pace.noteRead(error, "dep");
  }

  async function owned(): Promise<number> {
    return (await store.ownership.readShares()).owned;
  }

  test("one that has not lived for a lease takes no jobs while that one lives, and all when it is gone", async () => {
    await age();
    // What puts it where a new one is.
    await store.ownership.renew({ ...pace.reach(), isCutOff: true });
    await insertInto(other, 3);
    await other.ownership.release(10);
    await takeOver.share();
    expect(await owned()).toBe(0);
    await other.close();
    await takeOver.share();
    expect(await owned()).toBe(3);
    other = await openStore({ databaseUrl: database.url, log, leaseMs: 60_000 });
  });

  test("one that alone is not answered gives up all its jobs, says so once, and takes none until it is answered", async () => {
    await insertInto(store, 20);
    await insertInto(other, 1);
    await age();
    failReads();
    nowMs += LEASE_MS;
    await other.ownership.renew({ isOutage: false, isCutOff: false, answeredMsAgo: 0 });
    await takeOver.renew();
    await takeOver.share();
    expect(await owned()).toBe(20);
    failReads();
    for (let beats = 0; beats < 3; beats++) {
      await takeOver.renew();
      await takeOver.share();
      expect(await owned()).toBe(0);
    }
    expect(logged.filter((line) => line.includes("answers another gateway"))).toHaveLength(1);
    pace.noteRead(null, "dep");
    await takeOver.renew();
    await age();
    await takeOver.share();
    expect(await owned()).toBe(20);
  });

  test("one that the database answers slowly takes no answer from before its outage for a later one", async () => {
    await age();
    await other.ownership.renew({ isOutage: false, isCutOff: false, answeredMsAgo: 0 });
    failReads();
    const { readShares } = store.ownership;
    store.ownership.readShares = async () => {
      const shares = await readShares();
      nowMs += 3_000;
      return shares;
    };
    await takeOver.share();
    nowMs += LEASE_MS;
    failReads();
    expect(pace.reach().isCutOff).toBe(false);
  });

  test("one keeps its jobs in an outage of both", async () => {
    await insertInto(store, 20);
    await age();
    failReads();
    await other.ownership.renew({ isOutage: true, isCutOff: false, answeredMsAgo: 1 });
    for (let beats = 0; beats < 6; beats++) {
      nowMs += BEAT_MS;
      failReads();
      await takeOver.renew();
      await takeOver.share();
    }
    expect(await owned()).toBe(20);
  });

  test("one without jobs tries the upstream at a job of that one while its calls fail, one at a time", async () => {
    await insertInto(other, 3);
    await takeOver.share();
    expect(looks).toEqual([]);
    await other.ownership.renew({ isOutage: true, isCutOff: false, answeredMsAgo: null });
    await takeOver.share();
    await takeOver.share();
    expect(looks).toHaveLength(1);
    const jobs = await other.ownership.list();
    expect(jobs.map(({ id }) => id)).toContain(looks[0]?.jobId);
    looks[0]?.end();
    await expect.poll(() => takeOver.share().then(() => looks.length)).toBe(2);
  });
});
