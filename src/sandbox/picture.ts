import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import sharp from "sharp";
import type { RunInput } from "./schedule.ts";

/** The most frames, and pixels in all of them, of an animated picture. */
const MAX_FRAMES = 24;
const MAX_PIXELS = 12_000_000;

const MOST_BYTES = 64 * 1_024 * 1_024;
const MOST_WAITING = 64;

type Media = "images" | "videos";
type Picture = { readonly contentType: string; readonly bytes: Buffer };

/** Draws one picture at a time, since each takes a core, and keeps the ones read last, up to 64 MiB. */
export function createPictureCache() {
  const kept = new LRUCache<string, Picture>({
    maxSize: MOST_BYTES,
    sizeCalculation: ({ bytes }) => bytes.length,
  });
  const awaited = new Map<string, Promise<Picture>>();
  let last: Promise<unknown> = Promise.resolve();

  return {
    /** Null when so many pictures wait to be drawn that the caller should come back later. */
    read(input: RunInput, media: Media, index: number): Promise<Picture> | null {
      const key = JSON.stringify([input, media, index]);
      const picture = kept.get(key);
      if (picture !== undefined) return Promise.resolve(picture);
      const running = awaited.get(key);
      if (running !== undefined) return running;
      if (awaited.size >= MOST_WAITING) return null;
      const drawn = Promise.allSettled([last])
        .then(async () => {
          const drawing = await draw(input, media, index);
          kept.set(key, drawing);
          return drawing;
        })
        .finally(() => awaited.delete(key));
      awaited.set(key, drawn);
      last = drawn;
      return drawn;
    },
  };
}

/** A landscape, as PNG or moving. The same prompt, seed, size and index give the same bytes. */
async function draw(input: RunInput, media: Media, index: number): Promise<Picture> {
  if (media === "videos") return { contentType: "image/webp", bytes: await drawFilm(input) };
  const image = sharp(toSvg(input, index, 0))
    .removeAlpha()
    .png({ compressionLevel: 6 });
  return { contentType: "image/png", bytes: await image.toBuffer() };
}

/** A moving landscape in animated WebP that loops; as long as `num_frames` and `fps` say. */
async function drawFilm(input: RunInput): Promise<Buffer> {
  const affordable = Math.floor(MAX_PIXELS / (input.width * input.height));
  const frames = Math.min(input.num_frames, MAX_FRAMES, Math.max(2, affordable));
  const delay = Math.max(20, Math.round((1_000 * input.num_frames) / input.fps / frames));
  const pictures = Array.from({ length: frames }, (_, frame) => toSvg(input, 0, frame / frames));
  return await sharp(pictures, { join: { animated: true } })
    .webp({ quality: 80, effort: 0, loop: 0, delay: pictures.map(() => delay) })
    .toBuffer();
}

/** `phase` runs from 0 to 1, where the picture is the one at 0 again. */
function toSvg(input: RunInput, index: number, phase: number): Buffer {
  const { width, height, prompt, seed } = input;
  const dice = createHash("sha256").update(`${seed}/${index}/${prompt}`).digest();
  const roll = (at: number): number => dice.readUInt8(at) / 255;
  const hue = /warm|glow|sunset|orange/i.test(prompt) ? 5 + roll(0) * 30 : roll(0) * 360;
  const turn = phase * 2 * Math.PI;
  const sunX = Math.round(width * (0.2 + 0.6 * roll(1)));
  const sunY = Math.round(height * (0.22 + 0.2 * roll(2) + 0.05 * Math.sin(turn)));
  const sunRadius = Math.round(Math.min(width, height) * (0.06 + 0.06 * roll(3)));
  const hills = [0, 1, 2, 3, 4].map((layer) => {
    const shape = { roll: (at: number) => roll(5 + layer * 5 + at), turn, layer };
    const color = `hsl(${hue + 250 + layer * 8}, ${30 + layer * 4}%, ${52 - layer * 10}%)`;
    return `<path d="${toHill(width, height, shape)}" fill="${color}"/>`;
  });
  const fontSize = Math.max(9, Math.round(Math.min(width, height) / 38));
  const caption = toCaption(prompt, Math.floor((width - 2 * fontSize) / (fontSize * 0.6)));
  return Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
<defs>
<linearGradient id="sky" x1="0" y1="0" x2="0" y2="1">
<stop offset="0" stop-color="hsl(${hue + 220}, 45%, 30%)"/>
<stop offset="0.45" stop-color="hsl(${hue + 340}, 60%, 58%)"/>
<stop offset="0.8" stop-color="hsl(${hue + 20}, 90%, 76%)"/>
</linearGradient>
<radialGradient id="glow">
<stop offset="0" stop-color="hsl(${hue + 30}, 100%, 85%)" stop-opacity="0.9"/>
<stop offset="1" stop-color="hsl(${hue + 20}, 100%, 70%)" stop-opacity="0"/>
</radialGradient>
</defs>
<rect width="${width}" height="${height}" fill="url(#sky)"/>
<circle cx="${sunX}" cy="${sunY}" r="${sunRadius * 5}" fill="url(#glow)"/>
<circle cx="${sunX}" cy="${sunY}" r="${sunRadius}" fill="hsl(${hue + 40}, 100%, 93%)"/>
${hills.join("\n")}
<text x="${fontSize}" y="${height - fontSize}" font-family="sans-serif" font-size="${fontSize}" fill="#fff" fill-opacity="0.8">${caption}</text>
</svg>`);
}

/** The nearer the layer, the lower and the longer its waves. */
function toHill(
  width: number,
  height: number,
  { roll, turn, layer }: { roll: (at: number) => number; turn: number; layer: number },
): string {
  const base = height * (0.5 + 0.1 * layer);
  const points = Array.from({ length: 65 }, (_, step) => {
    const x = step / 64;
    const wide = Math.sin(
      2 * Math.PI * (x * (0.8 + roll(0)) + roll(1)) + turn * Math.sign((layer % 2) - 0.5),
    );
    const narrow = Math.sin(2 * Math.PI * (x * (2.5 + 2 * roll(2)) + roll(3)) + turn);
    const y = base + height * (0.05 * wide + 0.018 * narrow) * (0.6 + 0.8 * roll(4));
    return `${(x * width).toFixed(1)} ${y.toFixed(1)}`;
  });
  return `M0 ${height}L${points.join("L")}L${width} ${height}Z`;
}

/** XML has no word for control characters and lone surrogates, so they become spaces and U+FFFD. */
function toCaption(prompt: string, maxLength: number): string {
  const text = prompt.toWellFormed().replaceAll(/[\p{Cc}\s\uFFFE\uFFFF]+/gu, " ");
  const characters = [...text.trim()];
  if (characters.length > maxLength) characters.splice(Math.max(0, maxLength - 1), Infinity, "…");
  return characters.join("").replaceAll(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}
