import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { startCleanup } from "../../src/engine/files/cleanup.ts";
import { NOT_KEPT } from "../../src/engine/job/asset.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import { NO_FILES } from "../support/no-files.ts";
import { succeedWith } from "../support/open-keeper.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";

/** The cleanup of files, which rests until the test says so. */
async function openCleanup() {
  const place = { isDown: false };
  const deleted: string[] = [];
  const lines: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
  const store = await openStore({ upstream: "sandbox", databaseUrl: ":memory:", log });
  const rests: { readonly ms: number; readonly end: () => void }[] = [];
  const cleanup = startCleanup({
    files: store.files,
    uploads: store.uploads,
    signIns: store.signIns,
    store: {
      ...NO_FILES.store,
      async delete(name) {
        if (place.isDown) throw new Error("the place is down");
        deleted.push(name);
      },
    },
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        rests.push({ ms, end: resolve });
        if (signal.aborted) resolve();
        signal.addEventListener("abort", () => resolve(), { once: true });
      }),
    log,
  });
  onTestFinished(async () => {
    await cleanup.close();
    await store.close();
  });

  /** Deletes a job with one kept file. */
  async function deleteJob(name: string): Promise<void> {
    const job = await succeedWith(store, ["https://a.example.com/0.png"]);
    const [file] = (await store.files.claimDue({ limit: 1, claimMs: 30_000 })).files;
    if (file === undefined) throw new Error("a file is due");
    await store.files.lease(name, 3_600_000);
    await store.files.settle(file, { ...NOT_KEPT, state: "KEPT", file: name });
    expect(await store.jobs.delete(job.id)).toBe(true);
    cleanup.wake();
  }

  const untilRest = async (count: number) => {
    await expect.poll(() => rests.length, { interval: 5 }).toBe(count);
    return rests.map(({ ms }) => ms);
  };
  await untilRest(1);
  rests[0]?.end();
  await untilRest(2);
  return { store, place, rests, lines, deleteJob, untilRest, deleted };
}

test("sign-ins that have expired go, however many there are", async () => {
  const { store, rests, untilRest } = await openCleanup();
  const { credential } = LOCAL_VIEWER;
  const open = (hash: string, endsAt: number) =>
    store.signIns.open({ hash, ownerId: hash, scopes: [], credential, endsAt }, 20);
  for (let index = 0; index < 501; index += 1) await open(`old-${index}`, Date.now() - 1);
  await open("new", Date.now() + 3_600_000);
  rests[1]?.end();
  await untilRest(3);
  expect(await store.signIns.deleteExpired(1)).toBe(0);
  expect(await store.signIns.listOpen(["new"])).toEqual(["new"]);
});

test("what deleted jobs leave goes a second later, and is tried every ten seconds while the place of files is down", async () => {
  const { store, place, rests, lines, deleteJob, untilRest, deleted } = await openCleanup();
  await deleteJob("a.png");
  expect(await untilRest(3)).toEqual([1_000, 59_000, 1_000]);
  const thumbnails = [64, 320, 640, 1_024].map((width) => `a.png.${width}.webp`);
  expect(deleted).toEqual(["a.png", ...thumbnails]);

  place.isDown = true;
  await deleteJob("b.png");
  rests[2]?.end();
  await untilRest(4);
  await deleteJob("c.png");
  rests[3]?.end();
  expect((await untilRest(5)).slice(3)).toEqual([10_000, 10_000]);
  expect(await store.files.listPendingDeletions(10)).toHaveLength(2);
  expect(lines).toHaveLength(1);

  place.isDown = false;
  rests[4]?.end();
  expect((await untilRest(6)).at(-1)).toBe(1_000);
  expect(await store.files.listPendingDeletions(10)).toEqual([]);
  expect(deleted).toEqual(expect.arrayContaining(["b.png", "c.png"]));
});
