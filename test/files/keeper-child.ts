import { setTimeout as sleep } from "node:timers/promises";

import { openKeeper } from "../support/open-keeper.ts";

/** A gateway's keeper in a process of its own, which ends jobs with one file each, up to so many; then it says once all are kept, and waits to be killed. */
const [databaseUrl = "", folder = "", origin = "", most = "0"] = process.argv.slice(2);
const { store, succeed } = await openKeeper({ databaseUrl, folder, origin, claimMs: 3_000 });
process.send?.("open");
let path = 0;
while (((await store.jobs.count({ statuses: ["SUCCEEDED"] })) ?? 0) < Number(most))
  await succeed([`/${process.pid}-${(path += 1)}`]);
const isSettled = async (): Promise<boolean> => {
  const filter = { statuses: ["SUCCEEDED"] } as const;
  const { jobs } = await store.jobs.list({ filter, direction: "forward", limit: 1_000 });
  const kept = await store.files.readMany(jobs.map(({ id }) => id));
  return kept.every((one) => [...one.values()][0]?.state === "KEPT");
};
while (!(await isSettled())) await sleep(100);
process.send?.("all kept");
setInterval(() => undefined, 60_000);
