import { toSegmentText } from "./input-issue.ts";
import type { JsonValue } from "./json.ts";
import { isJsonArray, isJsonObject } from "./json.ts";

export type AssetKind = "IMAGE" | "VIDEO" | "AUDIO" | "OTHER";

/** A hosted file that a job's output names. */
export type Asset = {
  /** As the upstream spells it. */
  readonly url: string;
  /** Where in the output, e.g. `images[0]`; at most 1,000 characters. */
  readonly path: string;
  readonly kind: AssetKind;
  /** When the upstream deletes the file; null when it is not known when the job finished. */
  readonly expiresAt: Date | null;
};

/** An asset, and whose it is. */
export type JobAsset = Asset & { readonly jobId: string };

/** Far more than any real output has; a long key is repeated in the path of every file below it. */
const MOST_ASSETS = 1_000;
const LONGEST_PATH = 1_000;

const KEPT_MS = 7 * 24 * 60 * 60 * 1_000;

const EXTENSIONS: readonly (readonly [AssetKind, RegExp])[] = [
  ["IMAGE", /\.(png|jpe?g|webp|gif|avif|bmp|tiff?|heic|svg)$/i],
  ["VIDEO", /\.(mp4|webm|mov|mkv|avi|m4v)$/i],
  ["AUDIO", /\.(mp3|wav|flac|ogg|m4a|aac|opus)$/i],
];

const KEYS: readonly (readonly [AssetKind, RegExp])[] = [
  ["IMAGE", /image|picture|photo/i],
  ["VIDEO", /video|movie/i],
  ["AUDIO", /audio|sound|music/i],
];

/** Every http(s) URL in an output, in its order and at most 1,000: outputs differ by deployment, so all of it is walked. */
export function findAssets(output: JsonValue, finishedAt: Date | null): Asset[] {
  const expiresAt = finishedAt === null ? null : new Date(finishedAt.getTime() + KEPT_MS);
  const assets: Asset[] = [];
  /** `kind` is what the file name beside the value says of it, or else the nearest key that says anything. */
  const visit = (value: JsonValue, path: string, kind: AssetKind | null): void => {
    if (assets.length === MOST_ASSETS) return;
    if (typeof value === "string") {
      const url = /^https?:\/\//i.test(value) ? URL.parse(value) : null;
      if (url === null) return;
      const own = findKind(EXTENSIONS, url.pathname) ?? kind ?? "OTHER";
      assets.push({ url: value, path, kind: own, expiresAt });
    } else if (isJsonArray(value)) {
      value.forEach((member, index) => visit(member, enter(path, index), kind));
    } else if (isJsonObject(value)) {
      const named = Object.hasOwn(value, "filename") ? value["filename"] : undefined;
      const fileKind = typeof named === "string" ? findKind(EXTENSIONS, named) : null;
      for (const [key, member] of Object.entries(value)) {
        visit(member, enter(path, key), fileKind ?? findKind(KEYS, key) ?? kind);
      }
    }
  };
  visit(output, "", null);
  return assets;
}

function enter(path: string, segment: string | number): string {
  const short = typeof segment === "string" ? segment.slice(0, LONGEST_PATH) : segment;
  return (path + toSegmentText(short, path === "")).slice(0, LONGEST_PATH);
}

function findKind(
  patterns: readonly (readonly [AssetKind, RegExp])[],
  text: string,
): AssetKind | null {
  return patterns.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
}

/** The URLs of all files that an output names, each once. */
export function findUrls(output: JsonValue): readonly string[] {
  return [...new Set(findAssets(output, null).map(({ url }) => url))];
}
