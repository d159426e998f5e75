import { expect, test } from "vitest";

import { toJobResult } from "../../../src/parts/mcp/job-content.ts";
import { createMemoryBudget } from "../../../src/runtime/memory-budget.ts";
import { openInProcessGateway } from "../../schema/in-process-gateway.ts";
import { LOCAL_VIEWER } from "../../support/viewers.ts";

const KEPT = { state: "KEPT", contentType: "image/png", bytes: 70, reason: null } as const;
const URLS = Array.from({ length: 60 }, (_, at) => `https://a.runcomfy.net/"${at}.png`);
const PICTURE = Buffer.alloc(20_000);

/** A job with many kept pictures, and what an answer about it is made with where so much memory is left for an owner. */
async function openAnswer(ownBytes: number) {
  const gateway = await openInProcessGateway();
  const added = await gateway.addJob();
  const ended = { kind: "succeeded", output: { images: URLS }, finishedAt: null } as const;
  const job = await gateway.observe(added, ended);
  const { files } = gateway.store;
  await files.request(job, URLS);
  const claimed = await files.claimDue({ limit: URLS.length, claimMs: 60_000 });
  for (const [at, file] of claimed.files.entries()) {
    await files.lease(`${at}.png`, 3_600_000);
    await files.settle(file, { ...KEPT, file: `${at}.png`, width: 64, height: 64 });
  }
  const share = createMemoryBudget({ mostBytes: 4 * ownBytes }).open(
    LOCAL_VIEWER.ownerId,
    () => undefined,
  );
  const taken: number[] = [];
  const take = share.take.bind(share);
  share.take = (bytes) => {
    take(bytes);
    taken.push(bytes);
  };
  const context = gateway.openContext(share);
  const signed: string[] = [];
  const { engine } = context;
  const { urls } = engine.files;
  const create: typeof urls.create = (target, expires) => {
    signed.push(target.name);
    return urls.create(target, expires);
  };
  return {
    taken,
    signed,
    answer: () =>
      toJobResult(job, {
        ...context,
        engine: { ...engine, files: { ...engine.files, urls: { create } } },
        readThumbnail: async () => PICTURE,
      }),
  };
}

test("an answer takes at least as much room as it is long, with its pictures", async () => {
  const { answer, taken } = await openAnswer(10_000_000);
  const written = JSON.stringify(await answer());
  expect(taken.reduce((sum, bytes) => sum + bytes)).toBeGreaterThan(written.length);
});

test("an answer without room is not made, and one without room for its pictures has none", async () => {
  const none = await openAnswer(50_000);
  await expect(none.answer()).rejects.toMatchObject({ code: "RATE_LIMITED", retryAfterSeconds: 1 });
  expect(none.signed).toEqual([]);
  const few = await openAnswer(300_000);
  const { content } = await few.answer();
  const pictures = content.filter(({ type }) => type === "image");
  expect(pictures.length).toBeGreaterThan(0);
  expect(pictures.length).toBeLessThan(4);
});
