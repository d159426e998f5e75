import { createWriteStream } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { pino } from "pino";

import { createFetchFile } from "../src/files/fetch-file.ts";
import { startKeeper } from "../src/files/keep-outputs.ts";
import { leaseFiles } from "../src/files/lease-files.ts";
import { openFileStore } from "../src/files/open-file-store.ts";
import { advance } from "../src/job/advance.ts";
import { createJob } from "../src/job/job.ts";
import { openStore } from "../src/store/open-store.ts";
import { toResult } from "../test/support/to-result.ts";

/** Copies a file from a URL into a folder, `plain` by a stream or `kept` by the keeper, and tells what that took. */
const [how = "", url = "", folder = ""] = process.argv.slice(2);
const copy = how === "plain" ? copyPlainly : await openKeeper();
const before = process.memoryUsage.rss();
let most = before;
const watching = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 20);
const startedAt = performance.now();
await copy();
clearInterval(watching);
const seconds = (performance.now() - startedAt) / 1_000;
console.log(JSON.stringify({ seconds, grownMib: (most - before) / 1_048_576 }));
process.exit(0);

async function copyPlainly(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<NodeJS.ReadableStream>();
  get(url, resolve).on("error", reject);
  await pipeline(await promise, createWriteStream(join(folder, "plain"), { flush: true }));
}

async function openKeeper(): Promise<() => Promise<void>> {
  const log = pino({ level: "error" });
  const store = await openStore({ upstream: "sandbox", databaseUrl: ":memory:", log });
  const opened = await openFileStore({
    url: `file:${folder}`,
    databaseId: "bench",
    credentials: { accessKeyId: "", secretAccessKey: "", sessionToken: null },
  });
  const keeper = startKeeper({
    files: store.files,
    store: leaseFiles(opened, store.files),
    fetchFile: createFetchFile({ trustedOrigins: [new URL(url).origin] }),
    mostBytes: Infinity,
    random: Math.random,
    log,
  });
  const now = new Date();
  const job = createJob({
    ownerId: "o",
    deploymentId: "d",
    upstream: "sandbox",
    apiVersion: "v1",
    now,
  });
  await store.jobs.insert({ job, input: {}, key: null });
  const seen = { kind: "succeeded", output: [url], finishedAt: null } as const;
  return async () => {
    await store.jobs.save(advance(job, seen, now, "sandbox"), toResult(seen.output, [url]));
    keeper.wake();
    for (;;) {
      const [kept] = await store.files.readMany([job.id]);
      const file = kept?.get(url);
      const state = file?.state;
      if (state === "KEPT") return;
      if (state === "FAILED") throw new Error(`Not kept: ${file?.reason}`);
      await sleep(10);
    }
  };
}
