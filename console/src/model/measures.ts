import { isText } from "./json";

/** What of the result a field decides: its shape, sharpness, length or number. */
export type Measure = (typeof NAMES)[number][0];

const NAMES = [
  ["width", /^((image|video|frame|output|latent)_)?width$/],
  ["height", /^((image|video|frame|output|latent)_)?height$/],
  ["shape", /^((image|video|frame|output)_)?(size|ratio|orientation)$|aspect_ratio$/],
  ["resolution", /^((image|video|output|target)_)?resolution$/],
  [
    "seconds",
    /^((video|audio|music|song|clip|output|total)_)?(duration|seconds)(_s|_secs?|_seconds)?$/,
  ],
  ["length", /^((video|audio|music|song|clip|output|total)_)?length$/],
  ["frames", /^((num|video|total|number_of)_)?(frames|frame_count|video_frames)$/],
  ["count", /^(n|count|batch_size|(image|video|output|sample)_count)$/],
  ["count", /^(n|num|max|number_of)_(images|videos|outputs|samples|results)(_per_prompt)?$/],
] as const;

/** By its name, however that is spelled; null where it decides none of these. */
export function measureOf(name: string): Measure | null {
  const plain = name
    .replaceAll(/([a-z])(?=[A-Z])/g, "$1_")
    .replaceAll("-", "_")
    .toLowerCase();
  return NAMES.find(([, pattern]) => pattern.test(plain))?.[0] ?? null;
}

const SIDES = /(\d+(?:\.\d+)?) ?[:x×*_] ?(\d+(?:\.\d+)?)/i;
/** From here on they are pixels, and no ratio. */
const MIN_PIXELS = 64;

/** What people call an option: `Landscape 4:3`, `1024 × 768`, `Square HD`, `1080p`, `5 s`. */
export function formatOption(measure: Measure | null, option: unknown): string {
  if (!isText(option) && typeof option !== "number") return JSON.stringify(option);
  const text = String(option);
  if (measure === "seconds") {
    const [, seconds] = /^(\d+(?:\.\d+)?) ?(?:s|secs?|seconds)?$/i.exec(text) ?? [];
    if (seconds !== undefined) return `${seconds} s`;
  }
  const sides = readSides(text);
  const said = sides
    ? text.replace(SIDES, ` ${sides.join(sides[0] < MIN_PIXELS ? ":" : " × ")}`)
    : text;
  const words = said.replaceAll("_", " ").replaceAll(/ +/g, " ").trim();
  const written = words.replaceAll(/\b(u?hd|fhd|\d+k)\b/gi, (word) => word.toUpperCase());
  return written.charAt(0).toUpperCase() + written.slice(1);
}

/** An option's width by its height; null where it says nothing of that. */
export function readRatio(option: unknown): number | null {
  const text = isText(option) ? option : "";
  const sides = readSides(text);
  if (sides) return sides[0] / sides[1];
  if (/^square/i.test(text)) return 1;
  if (/^(landscape|horizontal)/i.test(text)) return 3 / 2;
  return /^(portrait|vertical)/i.test(text) ? 2 / 3 : null;
}

/** `portrait_4_3` is 3 wide and 4 high. */
function readSides(text: string): readonly [number, number] | null {
  const [, one = "", other = ""] = SIDES.exec(text) ?? [];
  const [wide, high] = [Number(one), Number(other)];
  if (!(wide > 0 && high > 0)) return null;
  return /portrait|vertical/i.test(text) && wide > high ? [high, wide] : [wide, high];
}

/** The option that has the shape of another turned on its side; undefined where there is none, or it looks the same. */
export function rotate(options: readonly unknown[], option: unknown): unknown {
  const ratio = readRatio(option);
  if (ratio === null || ratio === 1) return undefined;
  return options.find((one) => Math.abs((readRatio(one) ?? 0) * ratio - 1) < 0.01);
}
