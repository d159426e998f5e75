import { toSegmentText } from "./input.ts";
import type { Job } from "./job.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { isJsonArray, isJsonObject } from "./json.ts";

export type AssetKind = "IMAGE" | "VIDEO" | "AUDIO" | "OTHER";

/** A hosted file that a job's output names. */
export type Asset = {
  /** As the upstream spells it. */
  readonly url: string;
  /** Where in the output, e.g. `images[0]`; at most 1,000 characters. */
  readonly path: string;
  readonly kind: AssetKind;
};

/** An asset, and whose it is. */
export type JobAsset = Asset & { readonly job: Pick<Job, "id" | "finishedAt"> };

/** A longer URL is no asset. */
const MAX_URL_LENGTH = 4_096;
/** Far more than any real output has; a long key is repeated in the path of every file below it. */
const MAX_ASSETS = 1_000;
const MAX_PATH_LENGTH = 1_000;

const EXTENSIONS: readonly (readonly [AssetKind, RegExp])[] = [
  ["IMAGE", /\.(png|jpe?g|webp|gif|avif|bmp|tiff?|heic|svg)$/i],
  ["VIDEO", /\.(mp4|webm|mov|mkv|avi|m4v)$/i],
  ["AUDIO", /\.(mp3|wav|flac|ogg|m4a|aac|opus)$/i],
  // Beside pictures, archives and models may be named.
  ["OTHER", /\.(zip|7z|tar|gz|json|txt|csv|pdf|glb|gltf|obj|ply|stl|safetensors|latent)$/i],
];

const KEYS: readonly (readonly [AssetKind, RegExp])[] = [
  ["IMAGE", /image|picture|photo/i],
  ["VIDEO", /video|movie/i],
  ["AUDIO", /audio|sound|music/i],
];

/**
 * Every http(s) URL in an output once, in its order and at most 1,000: outputs differ by deployment, so all of it is walked.
 * `onLongUrl` is called for each that is too long to be one.
 */
export function findAssets(
  output: JsonValue,
  _outputs: readonly string[] | null = null,
  onLongUrl?: () => void,
): Asset[] {
  return searchAssets(output, { toKeys: Object.keys, isFile: () => true, onLongUrl });
}

/** In which order the members of an object are walked, and which texts may be files. */
type Search = {
  readonly toKeys: (of: JsonObject, depth: number) => readonly string[];
  readonly isFile: (step: Step | undefined) => boolean;
  readonly onLongUrl: (() => void) | undefined;
};

/** Finds the URLs of files in an output, each once and at most 1,000. */
export function searchAssets(output: JsonValue, { toKeys, isFile, onLongUrl }: Search): Asset[] {
  const assets: Asset[] = [];
  const urls = new Set<string>();
  /** What leads to the value. Few values are URLs, and it is read only for these. */
  const steps: { key: string | number; readonly of: Holder }[] = [];

  function visit(value: JsonValue): void {
    if (typeof value === "string") add(value);
    else if (isJsonArray(value)) {
      const step = { key: 0, of: value };
      steps.push(step);
      for (; step.key < value.length && assets.length < MAX_ASSETS; step.key++)
        visit(value[step.key] ?? null);
      steps.pop();
    } else if (isJsonObject(value)) {
      const step = { key: "", of: value };
      const keys = toKeys(value, steps.length);
      steps.push(step);
      for (step.key of keys) {
        if (assets.length === MAX_ASSETS) break;
        visit(value[step.key] ?? null);
      }
      steps.pop();
    }
  }

  function add(text: string): void {
    if (!/^https?:\/\//i.test(text) || !isFile(steps.at(-1))) return;
    if (text.length > MAX_URL_LENGTH) return onLongUrl?.();
    const url = URL.parse(text);
    if (url === null || urls.has(text)) return;
    urls.add(text);
    const kind = findKind(EXTENSIONS, url.pathname) ?? findKindAbove(steps) ?? "OTHER";
    assets.push({ url: text, path: toPath(steps), kind });
  }

  visit(output);
  return assets;
}

type Holder = JsonObject | readonly JsonValue[];
/** From an object or a list to one of its members. */
type Step = { readonly key: string | number; readonly of: Holder };

function toPath(steps: readonly Step[]): string {
  let path = "";
  for (const { key } of steps) {
    const short = typeof key === "string" ? key.slice(0, MAX_PATH_LENGTH) : key;
    path = (path + toSegmentText(short, path === "")).slice(0, MAX_PATH_LENGTH);
  }
  return path;
}

/** What the file name beside a value says of it, or else its key; or the same of what it is in, the nearest first. */
function findKindAbove(steps: readonly Step[]): AssetKind | null {
  for (const { key, of } of steps.toReversed()) {
    if (typeof key === "number" || !isJsonObject(of)) continue;
    const name = Object.hasOwn(of, "filename") ? of["filename"] : undefined;
    const kind = typeof name === "string" ? findKind(EXTENSIONS, name) : null;
    const said = kind ?? findKind(KEYS, key);
    if (said !== null) return said;
  }
  return null;
}

function findKind(
  patterns: readonly (readonly [AssetKind, RegExp])[],
  text: string,
): AssetKind | null {
  return patterns.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
}

/** From JSON in which assets were kept. */
export function toAssets(stored: JsonValue): readonly Asset[] {
  return isJsonArray(stored) ? stored.filter(isAsset) : [];
}

function isAsset(value: JsonValue | Asset): value is Asset {
  return isJsonObject(value) && typeof value["url"] === "string";
}

/** Each URL once. */
export function toUrls(assets: readonly Asset[]): readonly string[] {
  return [...new Set(assets.map(({ url }) => url))];
}

/**
 * Whether the gateway has a copy of a file that an output names. `NOT_KEPT`: it was not asked to keep it; `PENDING`: it will
 * be fetched; `KEPT`: the copy is there; `FAILED`: it could not be fetched in six days, or never can be.
 */
export type KeepState = "NOT_KEPT" | "PENDING" | "KEPT" | "FAILED";

/** The copy of a file that a job's output names. */
export type KeptFile = {
  readonly state: KeepState;
  /** The copy's name in the file store; null unless KEPT. */
  readonly file: string | null;
  readonly contentType: string | null;
  readonly bytes: number | null;
  /** In pixels, as a browser shows it; null where it is no picture, or not known. */
  readonly width: number | null;
  readonly height: number | null;
  /** Why it FAILED. */
  readonly reason: string | null;
};

/** The facts of a file without a copy. */
export const NOT_KEPT: KeptFile = {
  state: "NOT_KEPT",
  file: null,
  contentType: null,
  bytes: null,
  width: null,
  height: null,
  reason: null,
};

/** Before a file is given up, however old its job is. */
const MIN_ATTEMPTS = 5;
const RETRIED_FOR_MS = 6 * 24 * 60 * 60 * 1_000;
const FIRST_BACK_OFF_MS = 2_000;
const MAX_BACK_OFF_MS = 6 * 60 * 60 * 1_000;

/** When to fetch a file again after so many attempts failed, in milliseconds from now; null once it is given up. */
export function keepBackOffMs(attempts: number, sinceEndMs: number, random: number): number | null {
  if (sinceEndMs >= RETRIED_FOR_MS && attempts >= MIN_ATTEMPTS) return null;
  const longest = Math.min(MAX_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** Math.min(attempts - 1, 20));
  return longest * (0.5 + random / 2);
}
