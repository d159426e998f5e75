import sharp from "sharp";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";

import { drawLandscape } from "../../sandbox/src/media/landscape.ts";
import { makeFile } from "../../sandbox/src/media/make-file.ts";
import { RUN_INPUT } from "../../sandbox/src/schedule.ts";
import { closeBrowser, hasChromium, openPage } from "../support/chromium.ts";

const INPUT = RUN_INPUT.parse({ prompt: "A kite", seed: 7, width: 320, height: 192, duration: 2 });

afterAll(closeBrowser);

function make(name: string, input = INPUT): Buffer {
  return Buffer.from(makeFile(name, input, false).body);
}

test("a PNG has the colour of each pixel of the landscape, and a WebP those of each block", async () => {
  for (const [name, blocks] of [
    ["0.png", 1],
    ["0.webp", 16],
  ] as const) {
    const size = { width: INPUT.width / blocks, height: INPUT.height / blocks };
    const { palette, pixels } = drawLandscape(INPUT, { ...size, index: 0, time: 0 });
    const { data, info } = await sharp(make(name)).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([INPUT.width, INPUT.height]);
    // In the middle of each block, as decoders smooth colours at the edges of what has few samples.
    const errors = Array.from(pixels, (color, at) => {
      const x = (at % size.width) * blocks + Math.floor(blocks / 2);
      const y = Math.floor(at / size.width) * blocks + Math.floor(blocks / 2);
      const seen = data.subarray((y * INPUT.width + x) * 3);
      return Math.max(
        ...(palette[color] ?? []).map((part, index) => Math.abs(part - (seen[index] ?? 0))),
      );
    });
    expect(Math.max(...errors)).toBeLessThanOrEqual(blocks === 1 ? 0 : 10);
  }
});

test("the same input makes the same file, and another prompt or number another", () => {
  for (const type of ["png", "webp", "webm", "wav"]) {
    const file = make(`0.${type}`);
    expect(make(`0.${type}`).equals(file)).toBe(true);
    expect(make(`0.${type}`, { ...INPUT, prompt: "A lamp" }).equals(file)).toBe(false);
    expect(type !== "wav" && make(`1.${type}`).equals(file)).toBe(false);
  }
});

test("the largest video stays small, and is no longer than half a minute", () => {
  const video = make("0.webm", { ...INPUT, width: 4_096, height: 4_096, duration: 240 });
  expect(video.length).toBeLessThan(2 ** 20);
  // The duration, a double behind its id and the eight bytes of its length.
  const at = video.indexOf(Buffer.from([0x44, 0x89, 1, 0, 0, 0, 0, 0, 0, 8])) + 10;
  expect(video.readDoubleBE(at)).toBe(30_000);
});

test.runIf(hasChromium)("a browser plays the WebM and the WAV to their ends", async () => {
  const { page } = await openPage();
  const play = async (tag: "video" | "audio", type: string, name: string) => {
    const source = `data:${type};base64,${make(name).toString("base64")}`;
    return PLAYED.parse(await page.evaluate(PLAY(tag, source)));
  };
  const video = await play("video", "video/webm", "0.webm");
  expect(video).toMatchObject({ ended: true, duration: 2, width: 320, height: 192 });
  // It moves: what it shows at the end is not what it began with.
  expect(video.last).not.toBe(video.first);
  expect(await play("audio", "audio/wav", "0.wav")).toMatchObject({ ended: true, duration: 2 });
});

const PLAYED = z.looseObject({ first: z.string(), last: z.string() });
const PLAY = (tag: string, source: string) => `(async () => {
  const media = document.createElement("${tag}");
  const wait = (name) => new Promise((done, fail) => {
    media.addEventListener(name, done, { once: true });
    media.addEventListener("error", () => fail(new Error(media.error?.message)), { once: true });
  });
  const look = () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 192 });
    if (media.videoWidth) canvas.getContext("2d").drawImage(media, 0, 0);
    return canvas.toDataURL();
  };
  // Before its first frame was shown, a canvas gets nothing of it.
  const shown = new Promise((done) => media.requestVideoFrameCallback?.(done) ?? done());
  media.muted = true;
  media.src = ${JSON.stringify(source)};
  await Promise.all([wait("loadeddata"), shown]);
  const first = look();
  const ended = wait("ended");
  await media.play();
  await ended;
  const { duration, videoWidth: width, videoHeight: height } = media;
  return { ended: media.ended, duration, width, height, first, last: look() };
})()`;
