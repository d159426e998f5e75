import type { JobRowFragment } from "../gql";
import type { Field } from "./fields";
import { isObject, isText, type JsonObject } from "./json";

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
  const size = sizeOf(isObject(input) ? { ...defaults, ...input } : defaults, asset);
  return size ? Math.min(Math.max(size.width / size.height, MIN_RATIO), MAX_RATIO) : 1;
}

const MIN_RATIO = 1 / 3;
const MAX_RATIO = 3;
