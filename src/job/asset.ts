import { toPathText } from "./input-issue.ts";
import type { JsonValue } from "./json.ts";
import { isJsonArray, isJsonObject } from "./json.ts";

export const ASSET_KINDS = ["IMAGE", "VIDEO", "AUDIO", "OTHER"] as const;
export type AssetKind = (typeof ASSET_KINDS)[number];

/** A hosted file that a job's output names. */
export type Asset = {
  /** As the upstream spells it. */
  readonly url: string;
  /** Where in the output, e.g. `images[0]`. */
  readonly path: string;
  readonly kind: AssetKind;
  /** When the upstream deletes the file; null when it is not known when the job finished. */
  readonly expiresAt: Date | null;
};

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

/** Every http(s) URL in an output, in the output's order. Outputs differ by deployment, so the whole of it is walked. */
export function findAssets(output: JsonValue, finishedAt: Date | null): Asset[] {
  const expiresAt = finishedAt === null ? null : new Date(finishedAt.getTime() + KEPT_MS);
  const assets: Asset[] = [];
  const visit = (value: JsonValue, path: readonly (string | number)[], fileName: string): void => {
    if (typeof value === "string") {
      const url = parseUrl(value);
      if (url !== null)
        assets.push({
          url: value,
          path: toPathText(path),
          kind: toKind(url, fileName, path),
          expiresAt,
        });
    } else if (isJsonArray(value)) {
      value.forEach((member, index) => visit(member, [...path, index], ""));
    } else if (isJsonObject(value)) {
      const named = Object.hasOwn(value, "filename") ? value["filename"] : undefined;
      for (const [key, member] of Object.entries(value)) {
        visit(member, [...path, key], typeof named === "string" ? named : "");
      }
    }
  };
  visit(output, [], "");
  return assets;
}

function parseUrl(text: string): URL | null {
  if (!/^https?:\/\//i.test(text)) return null;
  return URL.parse(text);
}

/** A file's own extension says most; failing that, the file name and the keys around it. */
function toKind(url: URL, fileName: string, path: readonly (string | number)[]): AssetKind {
  for (const name of [url.pathname, fileName]) {
    const known = EXTENSIONS.find(([, pattern]) => pattern.test(name));
    if (known !== undefined) return known[0];
  }
  for (const key of path.toReversed()) {
    const known = KEYS.find(([, pattern]) => typeof key === "string" && pattern.test(key));
    if (known !== undefined) return known[0];
  }
  return "OTHER";
}
