import type { KeptFile } from "../job/asset.ts";
import type { SignedUrls } from "./signed-urls.ts";
import { hasThumbnails, toThumbnailWidth } from "./thumbnail.ts";

type Urls = Pick<SignedUrls, "create">;
type PictureFacts = Parameters<typeof hasThumbnails>[0] & Pick<KeptFile, "file">;

/** Where the gateway serves a file of its own; null where that is not there. */
export function toFileUrl({ file: name }: Pick<KeptFile, "file">, urls: Urls): string | null {
  return name === null ? null : urls.create({ folder: "files", name, width: null });
}

/** The same for a smaller picture of it; null where there can be none. */
export function toThumbnailUrl(
  picture: PictureFacts,
  width: number | null | undefined,
  urls: Urls,
): string | null {
  const { file: name } = picture;
  if (name === null || !hasThumbnails(picture)) return null;
  return urls.create({ folder: "files", name, width: toThumbnailWidth(width ?? 320) });
}
