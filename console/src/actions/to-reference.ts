import type { GatewayClient } from "runcomfy-graphql-client";

import { fileNameOf } from "../model/address";
import { type Asset, isOurs, urlOf } from "../model/asset";

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
