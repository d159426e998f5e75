import type { GatewayClient } from "runcomfy-graphql-client";

import { fileNameOf } from "./address";
import { type Asset, isOurs, urlOf } from "../ui/picture";
import type { Field } from "./fields";
import { isObject, isText, type JsonObject } from "./json";
import { findSlot } from "./place-file";
import { findSeeds } from "./seeds";

/** What of an input are files: uploads anywhere, and addresses in the fields that are for files. */
export function findFiles(fields: readonly Field[], input: unknown): readonly string[] {
  if (!isObject(input)) return [];
  const named = new Set(
    fields.flatMap(({ name, widget }) => (/^files?$/.test(widget.kind) ? name : [])),
  );
  const isFile = (name: string, text: string): boolean =>
    text.startsWith("upload:") || (named.has(name) && /^https?:/.test(text));
  const texts = Object.entries(input).flatMap(([name, value]) =>
    [value].flat().flatMap((one) => (isText(one) && isFile(name, one) ? one : [])),
  );
  return [...new Set(texts)];
}

/** What fits of an input into other fields, but for seeds, with a file in one of them; null where none takes such a file. */
export function withFile(
  fields: readonly Field[],
  input: unknown,
  { kind }: Pick<Asset, "kind">,
  reference: string,
): JsonObject | null {
  const slot = findSlot(fields, {}, `${kind.toLowerCase()}/`, null);
  const field = fields.find(({ name }) => name === slot?.name);
  if (field === undefined) return null;
  const given = isObject(input) ? Object.entries(input) : [];
  const taken = new Set(fields.map(({ name }) => name));
  for (const { name } of findSeeds(fields, input)) taken.delete(name);
  const fitting = given.filter(([name]) => taken.has(name));
  const file = field.widget.kind === "files" ? [reference] : reference;
  return { ...Object.fromEntries(fitting), [field.name]: file };
}

/**
 * What stands for an output in an input: an upload of the copy that is kept, as the job that uses it keeps that in turn.
 * Where there is none, or it can't be uploaded, RunComfy's own address, which works for as long as the file is there.
 */
export async function toReference(gateway: GatewayClient, asset: Asset): Promise<string> {
  try {
    const response = isOurs(asset) ? await fetch(urlOf(asset)) : null;
    if (!response?.ok) return asset.url;
    const name = fileNameOf(asset.url) || "output";
    const blob = await toDots(await response.blob());
    const type = blob.type;
    return await gateway.upload(new File([blob], name.replace(/svg$/, "png"), { type }));
  } catch {
    return asset.url;
  }
}

/** An SVG as PNG, as the gateway takes no files that may hold programs. */
async function toDots(blob: Blob): Promise<Blob> {
  if (!blob.type.startsWith("image/svg")) return blob;
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  await image.decode();
  URL.revokeObjectURL(image.src);
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  canvas.getContext("2d")?.drawImage(image, 0, 0);
  return await canvas.convertToBlob();
}
