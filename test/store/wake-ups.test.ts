import { Socket } from "node:net";

import type pg from "pg";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";

import type { Job } from "../../src/engine/job/job.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import { openPostgres } from "../../src/engine/store/open-postgres.ts";
import { startWakeUps } from "../../src/engine/store/wake-ups.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { useSharedPostgres } from "./shared-postgres.ts";
import { insertJob } from "./store-jobs.ts";

const CHANNEL = "runcomfy_gateway";

/** So long that no heartbeat falls into a test: a busy machine must not look like a dead connection. */
const NO_HEARTBEAT_MS = 600_000;

const shared = useSharedPostgres();
let proxy: TcpProxy;
/** The database as seen through the proxy. */
let proxiedUrl: string;
/** Receives what all gateways send. */
let ear: pg.Client;
let payloads: string[];
let logged: string[];

const log = pino({ level: "info" }, { write: (line: string) => logged.push(line) });

beforeEach(async () => {
  const url = new URL(shared.url());
  proxy = shared.use(await startTcpProxy({ port: Number(url.port) }));
  url.port = String(proxy.port);
  proxiedUrl = url.href;
  payloads = [];
  logged = [];
  ear = await shared.connect();
  ear.on("notification", ({ payload }) => payloads.push(payload ?? ""));
  await ear.query(`listen ${CHANNEL}`);
});
afterEach(() => proxy.heal());

const open = (databaseUrl = shared.url(), heartbeatMs = NO_HEARTBEAT_MS) =>
  shared.open({ databaseUrl, log, heartbeatMs });

/** The wake-ups of a gateway that has nothing else, which listens by one URL and sends by another. */
async function openWakeUps(databaseUrl = shared.url(), senderUrl = shared.url()) {
  const { queries } = shared.use(await openPostgres(senderUrl, { upstream: "sandbox", log }));
  const given = {
    databaseUrl,
    queries,
    heartbeatMs: NO_HEARTBEAT_MS,
    checkShared: async () => undefined,
    log,
  };
  return shared.use(await startWakeUps(given));
}

/** How often a subscription was woken. */
function countWakes(subscribe: (wake: () => void) => void): () => number {
  let count = 0;
  subscribe(() => (count += 1));
  return () => count;
}

const countLogged = (text: string) => logged.filter((line) => line.includes(text)).length;

/** The next state of a job, on this gateway. */
async function change(store: JobStore, job: Job): Promise<void> {
  expect(await store.jobs.save(job, { ...job, version: 2, status: "IN_QUEUE" }, null)).toBe(true);
}

describe("a change on one gateway", () => {
  test("wakes on another one who watches the job, its owner's or everybody's, and nobody else", async () => {
    const [a, b] = [await open(), await open()];
    const [watched, other] = [await insertJob(a), await insertJob(a)];
    const woken = [
      countWakes((wake) => b.feed.subscribeToJob(watched.id, wake)),
      countWakes((wake) => b.feed.subscribe("local", wake)),
      countWakes((wake) => b.feed.subscribe(undefined, wake)),
    ];
    const others = [
      countWakes((wake) => b.feed.subscribeToJob(other.id, wake)),
      countWakes((wake) => b.feed.subscribe("quiet", wake)),
    ];
    await change(a, watched);
    await expect.poll(() => woken.map((count) => count())).toEqual([1, 1, 1]);
    expect(others.map((count) => count())).toEqual([0, 0]);
  });

  test("wakes each of its own watchers once, and those of no other owner", async () => {
    const [a, b] = [await open(), await open()];
    const [own, foreign] = [await insertJob(a), await insertJob(b, { ownerId: "theirs" })];
    const ofOwn = countWakes((wake) => a.feed.subscribeToJob(own.id, wake));
    const ofOwner = countWakes((wake) => a.feed.subscribe("local", wake));
    const ofForeign = countWakes((wake) => a.feed.subscribeToJob(foreign.id, wake));
    await change(a, own);
    await expect.poll(() => payloads.join()).toContain(own.id);
    // Messages keep their order: once this one has arrived, so has that of its own change.
    await change(b, foreign);
    await expect.poll(ofForeign).toBe(1);
    expect([ofOwn(), ofOwner()]).toEqual([1, 1]);
  });
});

describe("messages between gateways", () => {
  test("send the first change at once, and all that come meanwhile in one more", async () => {
    const wakeUps = await openWakeUps();
    const ids = Array.from({ length: 100 }, (_, index) => `job_${index}`);
    for (const id of [...ids, ...ids]) wakeUps.announce(id);
    await expect.poll(() => payloads).toHaveLength(2);
    wakeUps.announce("job_last");
    await expect.poll(() => payloads).toHaveLength(3);
    const g = expect.any(String);
    expect(payloads.map((payload) => JSON.parse(payload))).toEqual([
      { g, t: ["job_0"] },
      // The first one came a second time while its message was on its way.
      { g, t: [...ids.slice(1), "job_0"] },
      { g, t: ["job_last"] },
    ]);
  });

  test("say `any job` in the place of more ids than fit, and never outgrow what Postgres takes", async () => {
    const [a, b] = [await openWakeUps(), await openWakeUps()];
    const watchers = countWakes((wake) => b.subscribeToJob("job_watched", wake));
    const longIds = (count: number) =>
      Array.from({ length: count }, (_, index) => `job_${String(index).padStart(96, "0")}`);
    for (const id of ["job_first", ...longIds(10_000), "job_watched"]) a.announce(id);
    await expect.poll(() => payloads).toHaveLength(2);
    expect(payloads[1]).toMatch(/^\{"g":"[^"]+","all":true\}$/);
    await expect.poll(watchers).toBe(1);

    for (const id of ["job_second", ...longIds(75)]) a.announce(id);
    await expect.poll(() => payloads.join().match(/job_0/g)).toHaveLength(75);
    for (const payload of payloads) expect(Buffer.byteLength(payload)).toBeLessThan(8_000);
    expect(countLogged("can't be notified")).toBe(0);
  });

  test("are at most five a second, however many jobs change", async () => {
    const wakeUps = await openWakeUps();
    const startedAt = performance.now();
    for (let index = 0; index < 250; index++) {
      wakeUps.announce(`job_${index}`);
      await ear.query("select 1");
    }
    await expect.poll(() => payloads.join()).toContain("job_249");
    const intervals = (performance.now() - startedAt) / 200;
    expect(payloads.length).toBeLessThanOrEqual(Math.ceil(intervals) + 1);
  });

  test("that can't be read, or are of a later version, harm nobody", async () => {
    const [a, b] = [await open(), await open()];
    const job = await insertJob(a);
    const watchers = countWakes((wake) => b.feed.subscribeToJob(job.id, wake));
    const later = `{"g":"later","k":"news","x":[1],"t":["${job.id}"]}`;
    for (const payload of ["", "rubbish", "null", "[]", '{"g":1}', '{"g":"x","t":[1]}', later]) {
      await ear.query("select pg_notify($1, $2)", [CHANNEL, payload]);
    }
    await expect.poll(watchers).toBe(1);
  });
});

describe("a listening connection", () => {
  const LOST = "was lost and is being reopened";

  /** A change that the gateway behind the proxy doesn't get. */
  async function changeUnheard(store: JobStore): Promise<void> {
    const job = await insertJob(store);
    await change(store, job);
    await expect.poll(() => payloads.join()).toContain(job.id);
  }

  test("that was cut is made anew, with one warning, and then everybody is woken", async () => {
    const [a, b] = [await open(), await open(proxiedUrl)];
    const watchers = countWakes((wake) => b.feed.subscribeToJob("job_missed", wake));
    const ofAll = countWakes((wake) => b.feed.subscribe(undefined, wake));
    proxy.drop();
    await changeUnheard(a);
    await expect.poll(() => proxy.refused(), { timeout: 15_000 }).toBeGreaterThan(1);
    expect(countLogged(LOST)).toBe(1);
    expect(watchers()).toBe(0);
    expect(ofAll()).toBe(0);
    proxy.heal();
    await expect.poll(watchers, { timeout: 15_000 }).toBe(1);
    expect(ofAll()).toBe(1);

    const job = await insertJob(a);
    const again = countWakes((wake) => b.feed.subscribeToJob(job.id, wake));
    await change(a, job);
    await expect.poll(again).toBeGreaterThan(0);
  });

  test("that died in silence is noticed and made anew, and then everybody is woken", async () => {
    const [a, b] = [await open(), await open(proxiedUrl, 1_000)];
    proxy.blackHole();
    await changeUnheard(a);
    await expect.poll(() => countLogged(LOST), { timeout: 10_000 }).toBe(1);
    const watchers = countWakes((wake) => b.feed.subscribeToJob("job_missed", wake));
    const ofAll = countWakes((wake) => b.feed.subscribe(undefined, wake));
    proxy.heal();
    await expect.poll(watchers, { timeout: 15_000 }).toBeGreaterThan(0);
    expect(ofAll()).toBeGreaterThan(0);
  });

  test("that can't be made at the start holds up nobody, and is made later", async () => {
    proxy.drop();
    const [a, b] = [await openWakeUps(), await openWakeUps(proxiedUrl)];
    const watchers = countWakes((wake) => b.subscribeToJob("job_1", wake));
    proxy.heal();
    await expect.poll(watchers, { timeout: 15_000 }).toBe(1);
    a.announce("job_1");
    await expect.poll(watchers).toBe(2);
  });

  test("ends with its store, also when it is silently dead", async () => {
    const countConnections = async () => {
      const { rows } = await ear.query(
        `select 1 from pg_stat_activity
         where datname = current_database() and application_name like '%wake-ups'`,
      );
      return rows.length;
    };
    const store = await open();
    expect(await countConnections()).toBe(1);
    await store.close();
    await expect.poll(countConnections).toBe(0);

    const wakeUps = await openWakeUps(proxiedUrl);
    proxy.blackHole();
    await wakeUps.close();
    expect(countLogged(LOST)).toBe(0);
  });
});

test("what can't be sent is dropped with one warning, and the next change is sent", async () => {
  const wakeUps = await openWakeUps(shared.url(), proxiedUrl);
  proxy.drop();
  wakeUps.announce("job_1");
  await expect.poll(() => countLogged("can't be notified")).toBe(1);
  const refused = proxy.refused();
  wakeUps.announce("job_2");
  await expect.poll(() => proxy.refused()).toBeGreaterThan(refused);
  proxy.heal();
  wakeUps.announce("job_3");
  await expect.poll(() => payloads.map((payload) => JSON.parse(payload).t)).toEqual([["job_3"]]);
  expect(countLogged("can't be notified")).toBe(1);
});

test("a query on a connection that went silent fails, and the next one has another connection", async () => {
  const timeouts = vi.spyOn(Socket.prototype, "setTimeout");
  onTestFinished(() => timeouts.mockRestore());
  const opened = shared.use(await openPostgres(proxiedUrl, { upstream: "sandbox", log }));
  const ask = () => opened.queries.selectFrom("polls").selectAll().execute();
  await ask();
  const sockets = () => timeouts.mock.contexts.filter((one) => one instanceof Socket);
  const countWritten = () => sockets().reduce((sum, one) => sum + one.bytesWritten, 0);
  const before = countWritten();
  proxy.blackHole();
  const asked = ask();
  await expect.poll(countWritten).toBeGreaterThan(before);
  // A shorter silence would also end connections to a Postgres that has no time.
  for (const socket of sockets()) socket.emit("timeout");
  await expect(asked).rejects.toMatchObject({
    name: "DatabaseUnreachableError",
    cause: { message: expect.stringMatching(/silent for 12000 ms/) },
  });
  proxy.heal();
  expect(await ask()).toEqual([]);
});
