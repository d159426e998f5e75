import { setTimeout as delay } from "node:timers/promises";

import type { Browser, Page } from "playwright-core";
import pg from "pg";
import { pino } from "pino";

import { createJob } from "../src/job/job.ts";
import { openStore } from "../src/store/open-store.ts";
import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { launchChromium, openPageIn } from "../test/support/chromium-page.ts";
import { startBenchPostgres } from "./bench-postgres.ts";
import { startGatewayProgram } from "./child-program.ts";
import { DEPLOYMENT_ID, INPUT } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { median, quantile, toFigure } from "./figure.ts";

const JOBS = 1_000;
/** In each of these a tenth of the jobs changes. */
const TURN_MS = 100;
const LASTS_MS = 10_000;
const SINGLE_CHANGES = 50;
/** Where no picture is lost. */
const FRAME_MS = 1_000 / 60;
const LOADS = 5;
/** A phone in the country: 1.6 Mbit/s, and a processor a quarter as fast as this one. */
const SLOW_BYTES_PER_SECOND = 200_000;
const SLOW_CPU = 4;
const LATENCIES_MS = [0, 150];

/**
 * The console's list of jobs in a browser: from the commit of one change until it is in the page, and how many pictures
 * of the screen are lost while another gateway writes 1,000 changes a second, beside the same page at rest; and until
 * the first screen can be used over a slow line.
 */
export async function measureConsole(upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  await using postgres = await startBenchPostgres();
  const databaseUrl = await postgres.createDatabase();
  await using gateway = await startGatewayProgram(upstream, { DATABASE_URL: databaseUrl });
  await using opened = new AsyncDisposableStack();
  const log = pino({ level: "silent" });
  const store = opened.adopt(
    await openStore({ upstream: new URL(upstream.url).origin, databaseUrl, log }),
    (one) => one.close(),
  );
  const client = opened.adopt(new pg.Client(databaseUrl), (one) => one.end());
  await client.connect();
  // In the queue for long, so that nobody polls them meanwhile.
  let newest = createJob({
    kind: "lora",
    ownerId: "local",
    deploymentId: DEPLOYMENT_ID,
    upstream: store.upstream,
    apiVersion: "v1",
    now: new Date(),
  });
  for (let count = 0; count < JOBS; count++) {
    newest = createJob({ ...newest, now: new Date() });
    await store.jobs.insert({ job: newest, input: INPUT, key: null });
    newest = {
      ...newest,
      requestId: `r${count}`,
      status: "IN_QUEUE",
      queuePosition: 1,
      version: 2,
    };
    await store.jobs.save(newest, null);
  }
  await client.query("update polls set due_at = due_at + 3600000");

  const browser = await launchChromium(folder);
  opened.defer(() => browser.close());
  const { page } = await openPageIn(browser);
  await page.goto(`${new URL(gateway.url).origin}/jobs`);
  await page.locator(`[data-id="${newest.id}"]`).waitFor();
  await page.getByText("live", { exact: true }).waitFor();
  await delay(2_000);

  /** Writes a change of the newest job, of which all gateways hear; resolves with when it had committed. */
  async function change(queuePosition: number): Promise<number> {
    newest = { ...newest, queuePosition, version: newest.version + 1, updatedAt: new Date() };
    await store.jobs.save(newest, null);
    return Date.now();
  }

  const delays: number[] = [];
  for (let count = 0; count < SINGLE_CHANGES; count++) {
    const seen = whenSeen(page, `[data-id="${newest.id}"]`, `(${count + 10_000} before it)`);
    delays.push(-(await change(count + 10_000)) + (await seen));
    await delay(50);
  }

  const rest = await watchFrames(page, LASTS_MS);
  let changes = 0;
  const busy = await Promise.all([
    watchFrames(page, LASTS_MS),
    (async () => {
      const endsAt = performance.now() + LASTS_MS;
      for (let turn = 0; performance.now() < endsAt; turn++) {
        const next = delay(TURN_MS);
        const { rowCount } = await client.query(
          `update jobs set version = version + 1, queue_position = queue_position % 50 + 1
           where id <> $1 and created_at % 10 = $2`,
          [newest.id, turn % 10],
        );
        changes += (rowCount ?? 0) + 1;
        await change(changes);
        await next;
      }
    })(),
  ]).then(([frames]) => frames);

  const [p50, atRest] = [
    toFigure(
      "a change of a job in the console's list, from commit to page, p50",
      quantile(delays, 0.5),
      "ms",
    ),
    toFigure("frames shown at rest", rest, "%"),
  ];
  return [
    p50,
    toFigure("p99", quantile(delays, 0.99), "ms", p50),
    toFigure("changes of jobs in the list", changes / (LASTS_MS / 1_000), "changes/s"),
    atRest,
    toFigure("frames shown meanwhile", busy, "%", atRest),
    ...(await measureFirstScreens(upstream, browser)),
  ];
}

/** Until a prompt can be typed, by a browser that has nothing of the page yet. */
async function measureFirstScreens(upstream: FaultyUpstream, browser: Browser): Promise<Figure[]> {
  const sandbox = { UPSTREAM: "sandbox", DATABASE_URL: ":memory:", FILES_URL: "" };
  await using gateway = await startGatewayProgram(upstream, sandbox);
  const figures: Figure[] = [];
  for (const latency of LATENCIES_MS) {
    const durations: number[] = [];
    for (let load = 0; load < LOADS; load++) {
      const { page, close } = await openPageIn(browser);
      const session = await page.context().newCDPSession(page);
      await session.send("Emulation.setCPUThrottlingRate", { rate: SLOW_CPU });
      const throughput = SLOW_BYTES_PER_SECOND;
      const line = { latency, downloadThroughput: throughput, uploadThroughput: throughput };
      await session.send("Network.emulateNetworkConditions", { offline: false, ...line });
      await page.goto(new URL("/", gateway.url).href, { waitUntil: "commit" });
      durations.push(await whenUsable(page));
      await close();
    }
    const name = `first screen usable at 1.6 Mbit/s and ${latency} ms, CPU slowed 4 ×, p50`;
    figures.push(toFigure(name, median(durations), "ms"));
  }
  return figures;
}

/** The milliseconds from a page's request until the frame that shows a field for the prompt. */
async function whenUsable(page: Page): Promise<number> {
  // Playwright's own wait polls every 500 ms only.
  await whenSeen(page, "main textarea", "");
  return await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())));
      }),
  );
}

/** When an element holds a text, by the clock of this machine. */
async function whenSeen(page: Page, selector: string, text: string): Promise<number> {
  return await page.evaluate(
    ([element, wanted]) =>
      new Promise<number>((resolve) => {
        const poll = () => {
          if (document.querySelector(element)?.textContent.includes(wanted) !== true) return;
          observer.disconnect();
          resolve(Date.now());
        };
        const observer = new MutationObserver(poll);
        observer.observe(document, { subtree: true, childList: true, characterData: true });
        poll();
      }),
    [selector, text] as const,
  );
}

/** The percentage of pictures that the screen got in this time. */
async function watchFrames(page: Page, durationMs: number): Promise<number> {
  const frames = await page.evaluate(
    (lasts) =>
      new Promise<number>((resolve) => {
        const startedAt = performance.now();
        let count = 0;
        const next = (now: number) => {
          count += 1;
          if (now - startedAt >= lasts) resolve(count);
          else requestAnimationFrame(next);
        };
        requestAnimationFrame(next);
      }),
    durationMs,
  );
  return (100 * frames) / (durationMs / FRAME_MS);
}
