import { expect, test, vi } from "vitest";

import { toJobResult } from "../../../src/parts/mcp/job-content.ts";
import { openInProcessGateway } from "../../schema/in-process-gateway.ts";

const KEPT = { state: "KEPT", contentType: "image/png", bytes: 70, reason: null } as const;
const URLS = Array.from({ length: 60 }, (_, at) => `https://a.runcomfy.net/"${at}.png`);
const PICTURE = Buffer.alloc(20_000);

/** A job with many kept pictures, and what an answer about it is made with where one may take so much. */
async function openAnswer(mostAnswerBytes: number) {
  const gateway = await openInProcessGateway({ mostAnswerBytes });
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
  const context = gateway.openContext();
  const charged = vi.spyOn(context.reads, "charge");
  const signed: string[] = [];
  const { engine } = context;
  const { urls } = engine.files;
  const create: typeof urls.create = (target, expires) => {
    signed.push(target.name);
    return urls.create(target, expires);
  };
  return {
    charged,
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
  const { answer, charged } = await openAnswer(10_000_000);
  const written = JSON.stringify(await answer());
  const bytes = charged.mock.calls.reduce((sum, [some]) => sum + some, 0);
  expect(bytes).toBeGreaterThan(written.length);
});

test("an answer without room is not made, and one without room for its pictures has none", async () => {
  const none = await openAnswer(50_000);
  await expect(none.answer()).rejects.toMatchObject({ code: "ANSWER_TOO_LARGE" });
  expect(none.signed).toEqual([]);
  const few = await openAnswer(300_000);
  const { content } = await few.answer();
  const pictures = content.filter(({ type }) => type === "image");
  expect(pictures.length).toBeGreaterThan(0);
  expect(pictures.length).toBeLessThan(4);
});
