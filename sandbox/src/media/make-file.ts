import { createHash } from "node:crypto";

import type { RunInput } from "../schedule.ts";
import { toWav, toWebm, toWebp } from "./containers.ts";
import { drawLandscape } from "./landscape.ts";
import { drawPicture } from "./picture.ts";
import { toPng } from "./png.ts";
import { BLOCK, toKeyFrame } from "./vp8.ts";

type File = { readonly contentType: string; readonly body: string | Buffer };

/**
 * The file of such a name that a run made: `0.png`, or `1.svg` for its second picture, which moves where `isVideo` says so.
 * The same input gives the same file.
 */
export function makeFile(name: string, input: RunInput, isVideo: boolean): File {
  const index = Number.parseInt(name, 10);
  const { width, height } = input;
  switch (name.slice(name.lastIndexOf(".") + 1)) {
    case "png":
      return {
        contentType: "image/png",
        body: toPng(drawLandscape(input, { width, height, index, time: 0 })),
      };
    case "webp":
      return {
        contentType: "image/webp",
        body: toWebp(toKeyFrame(drawLandscape(input, { ...toBlocks(input), index, time: 0 }))),
      };
    case "webm":
      return { contentType: "video/webm", body: makeVideo(input, index) };
    case "wav":
      return { contentType: "audio/wav", body: makeTune(input) };
    default:
      return { contentType: "image/svg+xml", body: drawPicture(input, index, isVideo) };
  }
}

/** Films are made while a gateway beside the sandbox waits, so they are short of frames and pixels. */
const FRAME_MS = 125;
const MAX_FRAMES = 48;
const MAX_VIDEO_SIDE = 480;
const MAX_VIDEO_MS = 30_000;

function makeVideo(input: RunInput, index: number): Buffer {
  const { width, height, duration } = input;
  const scale = Math.min(1, MAX_VIDEO_SIDE / Math.max(width, height));
  const size = toBlocks({ width: width * scale, height: height * scale });
  const lengthMs = Math.min(MAX_VIDEO_MS, duration * 1_000);
  const count = Math.min(MAX_FRAMES, lengthMs / FRAME_MS);
  const frames = Array.from({ length: count }, (_, frame) =>
    toKeyFrame(drawLandscape(input, { ...size, index, time: frame / count })),
  );
  return toWebm(frames, {
    width: size.width * BLOCK,
    height: size.height * BLOCK,
    frameMs: Math.round(lengthMs / count),
  });
}

function toBlocks({ width, height }: { readonly width: number; readonly height: number }) {
  const toCount = (pixels: number): number => Math.max(1, Math.round(pixels / BLOCK));
  return { width: toCount(width), height: toCount(height) };
}

const SAMPLES_PER_SECOND = 8_000;
const NOTES_PER_SECOND = 4;
/** Steps of a pentatonic scale in semitones. */
const SCALE = [0, 2, 4, 7, 9, 12];

/** Audio of notes that fade. */
function makeTune({ prompt, seed, duration }: RunInput): Buffer {
  const dice = createHash("sha256").update(`${seed}/${prompt}`).digest();
  const samples = new Uint8Array(duration * SAMPLES_PER_SECOND);
  for (let at = 0; at < samples.length; at += 1) {
    const beat = (at / SAMPLES_PER_SECOND) * NOTES_PER_SECOND;
    const note = SCALE[(dice[Math.floor(beat) % dice.length] ?? 0) % SCALE.length] ?? 0;
    const phase = (at / SAMPLES_PER_SECOND) * 262 * 2 ** (note / 12);
    samples[at] = 128 + 90 * (1 - (beat % 1)) * Math.sin(2 * Math.PI * phase);
  }
  return toWav(samples, SAMPLES_PER_SECOND);
}
