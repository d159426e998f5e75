import { setTimeout as sleep } from "node:timers/promises";

import { pino } from "pino";

import { createFetchFile } from "../../src/files/fetch-file.ts";
import { startKeeper } from "../../src/files/keep-outputs.ts";
import { leaseFiles } from "../../src/files/lease-files.ts";
import { openFileStore } from "../../src/files/open-file-store.ts";
import { advance } from "../../src/job/advance.ts";
import { createJob } from "../../src/job/job.ts";
import { openStore } from "../../src/store/open-store.ts";
import { toResult } from "../support/to-result.ts";

/** A gateway's keeper in a process of its own, which ends jobs with one file each, up to so many; then it says once all are kept, and waits to be killed. */
const [databaseUrl = "", folder = "", origin = "", most = "0"] = process.argv.slice(2);
const log = pino({ level: "silent" });
const store = await openStore({ upstream: "sandbox", databaseUrl, log });
const opened = await openFileStore({
  url: `file:${folder}`,
  databaseId: "test",
  credentials: { accessKeyId: "", secretAccessKey: "", sessionToken: null },
});
const keeper = startKeeper({
  files: store.files,
  store: leaseFiles(opened, store.files),
  fetchFile: createFetchFile({ trustedOrigins: [origin] }),
  mostBytes: 1_048_576,
  claimMs: 10_000,
  random: Math.random,
  log,
});
process.send?.("open");
for (;;) {
  if (((await store.jobs.count({ statuses: ["SUCCEEDED"] })) ?? 0) >= Number(most)) break;
  const now = new Date();
  const job = createJob({
    ownerId: "o",
    deploymentId: "d",
    upstream: "sandbox",
    apiVersion: "v1",
    now,
  });
  await store.jobs.insert({ job, input: {}, key: null });
  const url = `${origin}/${job.id}`;
  const seen = { kind: "succeeded", output: { images: [url] }, finishedAt: null } as const;
  await store.jobs.save(advance(job, seen, now, "sandbox"), toResult(seen.output, [url]));
  keeper.wake();
}
const isSettled = async (): Promise<boolean> => {
  const range = {
    filter: { statuses: ["SUCCEEDED"] },
    direction: "forward",
    limit: 1_000,
  } as const;
  const { jobs } = await store.jobs.list(range);
  const kept = await store.files.readMany(jobs.map(({ id }) => id));
  return kept.every((one) => [...one.values()][0]?.state === "KEPT");
};
while (!(await isSettled())) await sleep(100);
process.send?.("all kept");
setInterval(() => undefined, 60_000);
