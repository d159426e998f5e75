import { createHash } from "node:crypto";

import type { RunInput } from "../schedule.ts";

export type Color = readonly [red: number, green: number, blue: number];

/** A picture of few colours: an index into the palette for each pixel, row by row. */
export type Raster = {
  readonly width: number;
  readonly height: number;
  readonly palette: readonly Color[];
  readonly pixels: Uint8Array;
};

const SKY_SHADES = 32;
const HILLS = 4;

/**
 * A sky, a sun and hills, which move while `time` goes from 0 to 1 and are back where they were then. The same prompt,
 * seed, index and size give the same picture.
 */
export function drawLandscape(
  { prompt, seed }: RunInput,
  options: {
    readonly width: number;
    readonly height: number;
    readonly index: number;
    readonly time: number;
  },
): Raster {
  const { width, height, index, time } = options;
  const dice = createHash("sha256").update(`${seed}/${index}/${prompt}`).digest();
  const roll = (at: number): number => dice.readUInt8(at) / 255;
  const hue = roll(0) * 360;
  const palette = [
    ...Array.from({ length: SKY_SHADES }, (_, shade) =>
      toColor(hue + 220 + (shade * 160) / SKY_SHADES, 0.5, 0.3 + (0.5 * shade) / SKY_SHADES),
    ),
    toColor(hue + 40, 0.9, 0.92),
    ...Array.from({ length: HILLS }, (_, hill) =>
      toColor(hue + 250 + hill * 9, 0.35, 0.5 - hill * 0.11),
    ),
  ];
  const pixels = new Uint8Array(width * height);
  const sunX = width * (0.2 + 0.6 * roll(1));
  const sunY = height * (0.2 + 0.2 * roll(2));
  const sunRadius = Math.min(width, height) * (0.08 + 0.06 * roll(3));
  for (let y = 0; y < height; y += 1) {
    pixels.fill(Math.floor((y / height) * SKY_SHADES), y * width, (y + 1) * width);
    const half = Math.sqrt(Math.max(0, sunRadius ** 2 - (y - sunY) ** 2));
    if (half > 0)
      pixels.fill(SKY_SHADES, y * width + Math.ceil(sunX - half), y * width + sunX + half);
  }
  for (let x = 0; x < width; x += 1) {
    for (let hill = 0; hill < HILLS; hill += 1) {
      const turn = x / width + time + roll(4 + hill);
      const wave = Math.sin(2 * Math.PI * turn) + 0.4 * Math.sin(6 * Math.PI * turn);
      const top = Math.floor(height * (0.55 + 0.12 * hill + 0.05 * wave));
      for (let y = top; y < height; y += 1) pixels[y * width + x] = SKY_SHADES + 1 + hill;
    }
  }
  return { width, height, palette, pixels };
}

/** From hue in degrees, saturation and lightness. */
function toColor(hue: number, saturation: number, lightness: number): Color {
  const part = (at: number): number => {
    const turn = (at + hue / 30) % 12;
    const chroma = saturation * Math.min(lightness, 1 - lightness);
    return Math.round(255 * (lightness - chroma * Math.max(-1, Math.min(turn - 3, 9 - turn, 1))));
  };
  return [part(0), part(8), part(4)];
}
