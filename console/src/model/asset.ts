import type { JobRowFragment } from "../gql";
import type { Field } from "./fields";
import { isObject, isText, type JsonObject } from "./json";
import { readRatio } from "./measures";

/** A file that a job gave, as lists have it. */
export type Asset = JobRowFragment["assets"][number];

/** Where a file is shown from: the gateway's copy where there is one, and a small one where it is one of many. */
export function urlOf({ thumbnailUrl, keptUrl, url }: Asset, isSmall = false): string {
  return (isSmall ? thumbnailUrl : null) ?? keptUrl ?? url;
}

/** Whether a file is shown from this gateway, under the name by which the page was opened. */
export function isOurs(asset: Asset): boolean {
  return urlOf(asset).startsWith(`${location.origin}/`);
}

/** In pixels: the file's own size or the input's, which for most models is the output's. */
export function sizeOf(input: unknown, asset: Asset | null = null) {
  for (const source of [asset, input]) {
    const { width, height }: JsonObject = isObject(source) ? source : {};
    const size = { width: toPixels(width), height: toPixels(height) };
    if (size.width > 0 && size.height > 0) return size;
  }
  return null;
}

/** At most a million; 0 for what is neither text nor number, as `Number` throws for some objects. */
function toPixels(side: unknown): number {
  return isText(side) || typeof side === "number" ? Math.min(Number(side), 1_000_000) : 0;
}

/** The shape of the place for a file: its own, else what was asked for; a square where neither the input nor a default says. */
export function ratioOf(input: unknown, fields: readonly Field[], asset: Asset | null = null) {
  const defaults = Object.fromEntries(fields.map(({ name, fallback }) => [name, fallback]));
  const values: JsonObject = isObject(input) ? { ...defaults, ...input } : defaults;
  const size = sizeOf(values, asset);
  const shapes = fields.filter(({ measure }) => measure === "shape");
  const asked = shapes.map(({ name }) => readRatio(values[name])).find((ratio) => ratio !== null);
  const ratio = size ? size.width / size.height : (asked ?? 1);
  return Math.min(Math.max(ratio, MIN_RATIO), MAX_RATIO);
}

const MIN_RATIO = 1 / 3;
const MAX_RATIO = 3;
