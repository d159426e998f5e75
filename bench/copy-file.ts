import { createWriteStream } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

import { openKeeper } from "../test/support/open-keeper.ts";

/** Copies a file from a URL into a folder, `plain` by a stream or `kept` by the keeper, and tells what that took. */
const [how = "", url = "", folder = ""] = process.argv.slice(2);
const copy = how === "plain" ? copyPlainly : await prepareKeeper();
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

async function prepareKeeper(): Promise<() => Promise<void>> {
  const { origin } = new URL(url);
  const { succeed, untilSettled } = await openKeeper({ folder, origin, mostBytes: Infinity });
  return async () => {
    const [file] = await untilSettled(await succeed([url]));
    if (file?.state !== "KEPT") throw new Error(`Not kept: ${file?.reason}`);
  };
}
