import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { areFilesPending, toJobResult } from "../../../src/parts/mcp/job-content.ts";
import { toTask } from "../../../src/parts/mcp/tasks.ts";
import { createWaits } from "../../../src/parts/mcp/waits.ts";
import { openInProcessGateway } from "../../schema/in-process-gateway.ts";

const PICTURE = "https://a.runcomfy.net/1.png";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
});
afterEach(() => void vi.useRealTimers());

/** Lets everything happen that waits for no timer. */
async function settle() {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A job that has succeeded, whose file is still to be fetched. */
async function open() {
  const gateway = await openInProcessGateway();
  const { store, observe, openContext, statements } = gateway;
  const accepted = await observe(await gateway.addJob(), { kind: "accepted", requestId: "r" });
  const output = { images: [PICTURE] };
  const job = await observe(accepted, { kind: "succeeded", output, finishedAt: null });
  await store.files.request(job, [PICTURE]);
  const context = { ...openContext(), readThumbnail: async () => null };
  const waits = createWaits(context.engine.channels);
  const call = { context, signal: new AbortController().signal, notify: null, asTask: null };
  let isOver = false;
  return {
    ...{ job, context, statements },
    isOver: () => isOver,
    wait: (seconds: number) => waits.wait(job.id, seconds, call).finally(() => (isOver = true)),
    async fetchFile() {
      const [file] = (await store.files.claimDue({ limit: 1, claimMs: 60_000 })).files;
      if (file === undefined) throw new Error("no file is due");
      const picture = { contentType: "image/png", bytes: 1, width: 1, height: 1, reason: null };
      await store.files.lease("1.png", 600_000);
      expect(await store.files.settle(file, { state: "KEPT", file: "1.png", ...picture })).toBe(
        true,
      );
    },
  };
}

test("a wait for a job that has ended returns when its files have come, and asks for nothing meanwhile", async () => {
  const { isOver, wait, context, job, statements, fetchFile } = await open();
  const waiting = wait(45);
  await settle();
  const before = statements.length;
  await vi.advanceTimersByTimeAsync(4_900);
  await settle();
  expect(isOver()).toBe(false);
  expect(statements.slice(before)).toEqual([]);
  await fetchFile();
  expect(await waiting).toMatchObject({ id: job.id, status: "SUCCEEDED" });
  expect(await areFilesPending(job, context)).toBe(false);
});

test.each([
  { seconds: 45, lastsMs: 5_000 },
  { seconds: 2, lastsMs: 2_000 },
])("a wait of $seconds s for files alone lasts $lastsMs ms", async ({ seconds, lastsMs }) => {
  const { isOver, wait, context, job } = await open();
  const waiting = wait(seconds);
  await settle();
  await vi.advanceTimersByTimeAsync(lastsMs - 1);
  await settle();
  expect(isOver()).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  const found = await waiting;
  const reported = await toJobResult(found ?? job, context);
  expect(reported.structuredContent).toMatchObject({
    note: expect.stringContaining("Call get_job"),
  });
});

test("a task works until its files have come, or for five seconds without news", async () => {
  const { context, job, fetchFile } = await open();
  vi.setSystemTime(job.updatedAt.getTime() + 4_999);
  expect(await toTask(job, context)).toMatchObject({
    status: "working",
    statusMessage: "Fetching its files",
  });
  vi.setSystemTime(job.updatedAt.getTime() + 5_000);
  expect(await toTask(job, context)).toMatchObject({ status: "completed" });
  await fetchFile();
  context.reads.clear();
  vi.setSystemTime(job.updatedAt.getTime() + 1_000);
  expect(await toTask(job, context)).toMatchObject({ status: "completed" });
});
