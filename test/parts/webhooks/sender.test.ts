import { DatabaseSync } from "node:sqlite";

import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import type { WebhookStore } from "../../../src/parts/webhooks/webhook-store.ts";
import { insertJob, see, SUCCEEDED } from "../../store/store-jobs.ts";
import { succeedWith } from "../../support/open-keeper.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";
import { openSender } from "./open-sender.ts";
import { isSigned } from "./is-signed.ts";
import { startReceiver } from "../../support/receiver.ts";
import { withUrl } from "./stored-webhooks.ts";

const LATER = { timeout: 20_000 };
const SECRET = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
const OTHER = `whsec_${Buffer.alloc(32, 2).toString("base64")}`;

async function open(
  options: { readonly allow?: readonly string[]; readonly patienceMs?: number } = {},
) {
  const lines: string[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  const file = `${await createTemporaryFolder()}/gateway.db`;
  const databaseUrl = `file:${file}`;
  const { store, webhooks, begin } = await openSender({ databaseUrl, log, ...options });
  let sender = begin();
  onTestFinished(async () => {
    await sender.close();
    await store.close();
  });
  return {
    store,
    webhooks,
    file,
    lines,
    wake: () => sender.wake(),
    /** Ends a job of the owner, by default of the one whose webhooks there are. */
    async end(urls: readonly string[] = [], ownerId = "o") {
      const job = await succeedWith(store, urls, { ownerId });
      sender.wake();
      return job;
    },
    add: (url: string, id = "whk_1") =>
      webhooks.create({ id, ownerId: "o", url, secret: SECRET, ...FOR_ALL }),
    list: (id = "whk_1") => webhooks.listDeliveries(id, { limit: 100, after: null }),
    close: () => sender.close(),
    async restart() {
      await sender.close();
      sender = begin();
      return sender.wake;
    },
  };
}

const FOR_ALL = { events: null, deploymentId: null, tag: null };
const statesOf = async (list: () => ReturnType<WebhookStore["webhooks"]["listDeliveries"]>) =>
  (await list()).map(({ state, tries }) => [state, tries.map(({ status }) => status)]);

test("a call is signed as Standard Webhooks says, by both secrets after a rotation", async () => {
  const { webhooks, add, end, list } = await open();
  const { url, calls } = await startReceiver();
  await add(url);
  await webhooks.rotate("whk_1", "o", OTHER);
  const job = await end(Array.from({ length: 25 }, (_, index) => `https://x.example/${index}.png`));
  await expect.poll(() => calls.length, LATER).toBe(1);
  const [call] = calls;
  for (const secret of [SECRET, OTHER]) expect(call && isSigned(call, secret)).toBe(true);
  expect(call?.headers["webhook-id"]).toBe((await list())[0]?.id);
  expect(call?.headers["content-type"]).toBe("application/json");
  const sentAt = Number(call?.headers["webhook-timestamp"]) * 1_000;
  expect(Math.abs(Date.now() - sentAt)).toBeLessThan(60_000);
  const body = JSON.parse(call?.body ?? "");
  expect(body).toMatchObject({
    type: "job.succeeded",
    timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
    data: { job: { id: job.id, status: "SUCCEEDED", deploymentId: "d", tags: [], error: null } },
  });
  expect(body.data.job.assetCount).toBe(25);
  expect(body.data.job.assets).toHaveLength(20);
  expect(body.data.job.assets[0]).toMatchObject({
    url: "https://x.example/0.png",
    kind: "IMAGE",
    keep: "PENDING",
    keptUrl: null,
  });
  await expect.poll(() => statesOf(list), LATER).toEqual([["DELIVERED", [204]]]);
});

test("a URL of one job is called for that alone, signed by its owner's own secret", async () => {
  const { store, webhooks, wake } = await open();
  const { url, calls } = await startReceiver();
  const secret = await webhooks.readOwnSecret("o");
  await webhooks.rotateOwn("o", OTHER);
  const job = await insertJob(store, { ownerId: "o" }, withUrl(`${url}?of=1`));
  await see(store, job, SUCCEEDED);
  await succeedWith(store, []);
  wake();
  const read = async () => (await webhooks.readOfJobs([job.id], "o"))[0];
  await expect.poll(read, LATER).toMatchObject({ deliveries: [{ state: "DELIVERED" }] });
  expect(calls).toMatchObject([{ path: "/hook?of=1" }]);
  const [call] = calls;
  for (const one of [secret, OTHER]) expect(call && isSigned(call, one)).toBe(true);
  expect(JSON.parse(call?.body ?? "")).toMatchObject({
    type: "job.succeeded",
    data: { job: { id: job.id } },
  });
});

test("a body stays below 20 KB however long the addresses of its files are", async () => {
  const { add, end } = await open();
  const { url, calls } = await startReceiver();
  await add(url);
  await end(
    Array.from({ length: 20 }, (_, index) => `https://x.example/${index}${"a".repeat(3_000)}`),
  );
  await expect.poll(() => calls.length, LATER).toBe(1);
  const [{ body } = { body: "" }] = calls;
  expect(Buffer.byteLength(body)).toBeLessThanOrEqual(20_000);
  expect(JSON.parse(body).data.job).toMatchObject({ assetCount: 20, assets: { length: 6 } });
});

test("a call names the files of a job too that ended before the first of them were noted", async () => {
  const { add, end, file, close, restart } = await open();
  const { url, calls } = await startReceiver();
  await close();
  await add(url);
  const urls = Array.from({ length: 6 }, (_, at) => `https://x.example/${at}`.padEnd(4_000, "a"));
  await end(urls);
  using database = new DatabaseSync(file);
  database.exec("delete from first_assets");
  await restart();
  await expect.poll(() => calls.length, LATER).toBe(1);
  expect(JSON.parse(calls[0]?.body ?? "").data.job).toMatchObject({
    assetCount: 6,
    assets: urls.slice(0, 4).map((url) => ({ url })),
  });
});

test.each([500, 301, 302, 400])(
  "an answer of %s is tried again later, with the same id",
  async (status) => {
    const { webhooks, add, end, list, wake } = await open();
    let answers = 0;
    const elsewhere = await startReceiver();
    const { url, calls } = await startReceiver(() => ((answers += 1) === 1 ? status : 200), {
      location: elsewhere.url,
    });
    await add(url);
    await end();
    await expect.poll(() => statesOf(list), LATER).toEqual([["PENDING", [status]]]);
    const [delivery] = await list();
    expect((delivery?.dueAt?.getTime() ?? 0) - Date.now()).toBeGreaterThan(1_000);
    // Sooner than it would be.
    await webhooks.redeliver(delivery?.id ?? "", "o");
    wake();
    await expect.poll(() => statesOf(list), LATER).toEqual([["DELIVERED", [status, 200]]]);
    expect(new Set(calls.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(elsewhere.calls).toEqual([]);
  },
);

test("Retry-After is obeyed for all that waits for a server", async () => {
  const { webhooks, add, end, list, close, restart } = await open();
  const busy = await startReceiver(() => 429, { "retry-after": "7200" });
  const healthy = await startReceiver();
  await close();
  await add(busy.url);
  await add(healthy.url, "whk_2");
  for (let count = 0; count < 3; count += 1) await end();
  const wake = await restart();
  await expect.poll(() => statesOf(list), LATER).toContainEqual(["PENDING", [429]]);
  await expect.poll(() => healthy.calls.length, LATER).toBe(3);
  const oldest = (await list()).at(-1);
  expect((oldest?.dueAt?.getTime() ?? 0) - Date.now()).toBeGreaterThan(7_000_000);
  await end();
  wake();
  // After another look at what is due.
  await expect.poll(() => healthy.calls.length, LATER).toBe(4);
  expect(busy.calls).toHaveLength(1);
  await webhooks.redeliver(oldest?.id ?? "", "o");
  wake();
  await expect.poll(() => busy.calls.length, LATER).toBe(2);
});

test("410 disables a webhook, which is logged and delivered to the owner's others", async () => {
  const { webhooks, add, end, list, lines } = await open();
  const gone = await startReceiver(() => 410);
  const other = await startReceiver();
  await add(gone.url);
  await add(other.url, "whk_2");
  await end();
  await expect.poll(() => other.types(), LATER).toContain("webhook.disabled");
  expect(other.bodies()).toContainEqual(
    expect.objectContaining({ type: "webhook.disabled", data: { webhook: { id: "whk_1" } } }),
  );
  expect(await statesOf(list)).toEqual([["FAILED", [410]]]);
  const [webhook] = await webhooks.list("o");
  expect(webhook?.disabledReason).toMatch(/410/);
  expect(lines.join("")).toMatch(/"webhookId":"whk_1".*A webhook was disabled/);
  await end();
  await expect.poll(() => other.calls.length, LATER).toBe(3);
  expect(gone.calls).toHaveLength(1);
});

test("a server that never answers holds up nobody but itself, and is given up in time", async () => {
  const { add, end, list } = await open({ patienceMs: 600 });
  const hung = await startReceiver(() => null);
  const healthy = await startReceiver();
  await add(hung.url);
  await add(healthy.url, "whk_2");
  for (let count = 0; count < 5; count += 1) await end();
  await expect.poll(() => healthy.calls.length, LATER).toBe(5);
  await expect
    .poll(async () => (await list()).flatMap(({ tries }) => tries.map((one) => one.status)), LATER)
    .toContain(null);
});

test("an address that is not public is never connected to, whatever its name", async () => {
  const { add, end, list } = await open({ allow: [] });
  const { url, connections } = await startReceiver();
  await add(url);
  await add(url.replace("http://127.0.0.1", "https://localhost"), "whk_2");
  await end();
  for (const id of ["whk_1", "whk_2"])
    await expect.poll(() => statesOf(() => list(id)), LATER).toEqual([["PENDING", [null]]]);
  expect((await list("whk_2"))[0]?.tries).toMatchObject([{ failure: "NOT_ALLOWED" }]);
  expect(connections()).toBe(0);
});

test("what can't be read stays due, and one line of the log says so until it is sent", async () => {
  const { add, end, list, file, lines, close, restart } = await open();
  const { url, calls } = await startReceiver();
  await add(url);
  await close();
  await end();
  using database = new DatabaseSync(file);
  database.exec("alter table jobs rename to away");
  await restart();
  await expect.poll(() => lines.join(""), LATER).toMatch(/Deliveries to webhooks can't be made/);
  expect(calls).toEqual([]);
  database.exec("alter table away rename to jobs");
  // Sooner than a claim ends by itself.
  await expect.poll(() => statesOf(list), LATER).toEqual([["DELIVERED", [204]]]);
  expect(lines.filter((line) => line.includes("can't be made"))).toHaveLength(1);
});

test("what a stop cuts off is sent again, and counts as no try", async () => {
  const { add, end, list, restart } = await open();
  let isHung = true;
  const { url, calls } = await startReceiver(() => (isHung ? null : 204));
  await add(url);
  await end();
  await expect.poll(() => calls.length, LATER).toBe(1);
  isHung = false;
  await restart();
  await expect.poll(() => statesOf(list), LATER).toEqual([["DELIVERED", [204]]]);
  expect(calls).toHaveLength(2);
});

/** Gives an owner so many webhooks, more than it could make itself. */
function addMany(file: string, count: number, url: string) {
  using database = new DatabaseSync(file);
  database.exec(`insert into webhooks (id, owner_id, url, secret, created_at)
    with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count})
    select 'whk_o' || i, 'o', '${url}', '${SECRET}', 0 from n`);
}

test("of more webhooks than are called at once, the others follow as calls end", async () => {
  const { file, end } = await open();
  const { url, calls } = await startReceiver();
  addMany(file, 300, url);
  await end();
  await expect.poll(() => calls.length, LATER).toBe(300);
});
