import { afterAll, expect, test } from "vitest";

import { start } from "../gateway/open-gateway.ts";
import { closeBrowser, hasChromium, openPage } from "../support/chromium.ts";

const SECONDS = 600;
const RATE = 8_000;

afterAll(closeBrowser);

test.skipIf(!hasChromium)("a video seeks in a file that the gateway serves", async () => {
  const { ask, here, upstream } = await start({ PUBLIC_URL: "https://gateway.example.com" });
  const sound = toWave(SECONDS);
  const { createUpload } = await ask(`mutation { createUpload(fileName: "a.wav",
    contentType: "audio/wav", bytes: ${sound.length}) { ... on CreateUploadSuccess { upload { id putUrl } } } }`);
  const { id, putUrl } = createUpload.upload;
  const put = await fetch(here(putUrl), { method: "PUT", body: new Uint8Array(sound) });
  expect(put.status).toBe(204);
  await ask(
    `mutation { submitJob(deploymentId: "dep", input: { sound: "upload:${id}" }) { __typename } }`,
  );
  const { sound: url } = JSON.parse(upstream.requests.at(-1)?.body ?? "");

  const { page } = await openPage();
  const ranges: string[] = [];
  page.on("response", (response) => {
    ranges.push(`${response.status()} ${response.headers()["content-range"]}`);
  });
  await page.setContent(`<video src="${here(url)}" preload="metadata"></video>`);
  const position = await page.evaluate(async (to) => {
    const video = document.querySelector("video");
    if (video === null) throw new Error("there is a video");
    const happens = (name: string) =>
      new Promise((resolve, reject) => {
        video.addEventListener(name, resolve, { once: true });
        video.addEventListener("error", () => reject(new Error(video.error?.message)));
      });
    if (video.readyState < 1) await happens("loadedmetadata");
    video.currentTime = to;
    await happens("seeked");
    return { at: video.currentTime, duration: video.duration };
  }, SECONDS - 5);
  expect(position).toEqual({ at: SECONDS - 5, duration: SECONDS });
  const starts = ranges.map((range) => Number(/^206 bytes (\d+)-/.exec(range)?.[1]));
  expect(Math.max(...starts)).toBeGreaterThan(sound.length / 2);
});

/** So many seconds of nearly silent sound. */
function toWave(seconds: number): Buffer {
  const head = Buffer.from("RIFF....WAVEfmt ....................data....");
  const data = Buffer.alloc(seconds * RATE, 128);
  head.writeUInt32LE(36 + data.length, 4);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(RATE, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}
