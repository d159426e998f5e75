import { chance } from "../runtime/environment.ts";
import type { InputPath } from "./input-issue.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { isJsonArray, isJsonObject } from "./json.ts";

/** Of ids that were never given out too, as where one was cut on the way: it names no upload, and is no URL either. */
const REFERENCE = /^upload:(upl_\w*)$/;

/** An upload that an input names as `upload:ID`, and where. */
export type UploadReference = { readonly id: string; readonly path: InputPath };

export function createUploadId(): string {
  return `upl_${chance.bytes(16).toString("hex")}`;
}

export function isUploadReference(text: string): boolean {
  return REFERENCE.test(text);
}

/** Every upload that an input names, wherever it does: not every deployment says which of its inputs are files. */
export function findUploads(input: JsonValue, path: InputPath = []): readonly UploadReference[] {
  if (isJsonArray(input))
    return input.flatMap((item, index) => findUploads(item, [...path, index]));
  if (isJsonObject(input))
    return Object.entries(input).flatMap(([key, value]) => findUploads(value, [...path, key]));
  const id = typeof input === "string" ? REFERENCE.exec(input)?.[1] : undefined;
  return id === undefined ? [] : [{ id, path }];
}

/** A copy with URLs, by upload, in place of the uploads. */
export function replaceUploads(input: JsonObject, urls: ReadonlyMap<string, string>): JsonObject {
  const replace = (value: JsonValue): JsonValue => {
    if (isJsonArray(value)) return value.map(replace);
    if (isJsonObject(value)) return replaceUploads(value, urls);
    const id = typeof value === "string" ? REFERENCE.exec(value)?.[1] : undefined;
    return (id === undefined ? undefined : urls.get(id)) ?? value;
  };
  return Object.fromEntries(Object.entries(input).map(([key, value]) => [key, replace(value)]));
}
