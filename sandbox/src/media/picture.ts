import { createHash } from "node:crypto";
import type { RunInput } from "../schedule.ts";

/**
 * A landscape as SVG; in a video its hills move for as long as `num_frames` and `fps` say, and start again. The same prompt,
 * seed, size and index give the same text.
 */
export function drawPicture(input: RunInput, index: number, isVideo: boolean): string {
  const { width, height, prompt, seed } = input;
  const dice = createHash("sha256").update(`${seed}/${index}/${prompt}`).digest();
  const roll = (at: number): number => dice.readUInt8(at) / 255;
  const hue = /warm|glow|sunset|orange/i.test(prompt) ? 5 + roll(0) * 30 : roll(0) * 360;
  const size = Math.min(width, height);
  const sun = `cx="${width * (0.2 + 0.6 * roll(1))}" cy="${height * (0.22 + 0.2 * roll(2))}"`;
  const sunRadius = size * (0.06 + 0.06 * roll(3));
  const motion = `<animateTransform attributeName="transform" type="translate" to="${-width}" dur="${input.num_frames / input.fps}s" repeatCount="indefinite"/>`;
  const hills = [0, 1, 2, 3, 4].map((layer) => {
    const color = `hsl(${hue + 250 + layer * 8}, ${30 + layer * 4}%, ${52 - layer * 10}%)`;
    const path = toHill(width, height * (0.5 + 0.1 * layer), (at) => roll(4 + layer * 3 + at));
    return `<path d="${path}V${height}H0Z" fill="${color}">${isVideo ? motion : ""}</path>`;
  });
  const fontSize = Math.max(9, Math.round(size / 38));
  const caption = toCaption(prompt, Math.floor((width - 2 * fontSize) / (fontSize * 0.6)));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
<linearGradient id="sky" x2="0" y2="1">
<stop stop-color="hsl(${hue + 220}, 45%, 30%)"/>
<stop offset="0.45" stop-color="hsl(${hue + 340}, 60%, 58%)"/>
<stop offset="0.8" stop-color="hsl(${hue + 20}, 90%, 76%)"/>
</linearGradient>
<rect width="${width}" height="${height}" fill="url(#sky)"/>
<circle ${sun} r="${sunRadius * 1.6}" fill="hsl(${hue + 30}, 100%, 85%)" fill-opacity="0.3"/>
<circle ${sun} r="${sunRadius}" fill="hsl(${hue + 40}, 100%, 93%)"/>
${hills.join("\n")}
<text x="${fontSize}" y="${height - fontSize}" font-family="sans-serif" font-size="${fontSize}" fill="#fff">${caption}</text>
</svg>`;
}

/** Twice as wide as the picture and the same in both halves, so that it can move on without a seam. */
function toHill(width: number, base: number, roll: (at: number) => number): string {
  const waves = 1 + Math.floor(2 * roll(0));
  const points = Array.from({ length: 129 }, (_, step) => {
    const x = step / 64;
    const wide = Math.sin(2 * Math.PI * (waves * x + roll(1)));
    const narrow = Math.sin(2 * Math.PI * (3 * waves * x + roll(2)));
    return `${(x * width).toFixed(1)} ${(base * (1 + 0.06 * wide + 0.02 * narrow)).toFixed(1)}`;
  });
  return `M${points.join("L")}`;
}

/** XML has no word for control characters and lone surrogates, so they become spaces and U+FFFD. */
function toCaption(prompt: string, maxLength: number): string {
  const text = prompt.toWellFormed().replaceAll(/[\p{Cc}\s\uFFFE\uFFFF]+/gu, " ");
  const characters = [...text.trim()];
  if (characters.length > maxLength) characters.splice(Math.max(0, maxLength - 1), Infinity, "…");
  return characters.join("").replaceAll(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}
