import { rename, rm, stat, writeFile } from "node:fs/promises";
import type { Readable } from "node:stream";

import type { Sharp } from "sharp";

import type { KeptFile } from "../job/kept-file.ts";
import { createTurns } from "../store/turns.ts";
import { type FileFacts, openPicture, readHead } from "./judge-file.ts";

export const THUMBNAIL_WIDTHS = [64, 320, 640, 1024] as const;
type ThumbnailWidth = (typeof THUMBNAIL_WIDTHS)[number];

export type Thumbnails = ReturnType<typeof createThumbnails>;

/** Makes smaller pictures, `atOnce` at once; up to 100 others wait for their turn. */
export function createThumbnails({
  atOnce,
  timeoutMs = TIMEOUT_MS,
}: {
  readonly atOnce: number;
  /** For a stream to come. */
  readonly timeoutMs?: number;
}) {
  const inTurn = createPictureTurns(atOnce);
  return {
    /**
     * A WebP at most so wide, upright and of the first frame, of what `open` gives once it is its turn; null for what is no
     * picture, is damaged or too large, or takes too long. Rejects with a `PicturesBusyError`, and as `open` and its stream
     * do. The stream is destroyed in the end.
     */
    async make(
      open: () => Promise<Readable | null>,
      width: ThumbnailWidth,
    ): Promise<Buffer | null> {
      return await inTurn(async () => {
        const source = await open();
        const bytes = source && (await collect(source, timeoutMs).finally(() => source.destroy()));
        if (!bytes || isLongAnimation(bytes, bytes.length)) return null;
        return await draw(await openPicture(bytes, UPRIGHT), width);
      });
    },
  };
}

/** Whether a kept file has thumbnails: others are no pictures, or take too much to draw. */
export function hasThumbnails({ contentType, bytes, width, height }: KeptFile): boolean {
  if (!DRAWN.has(contentType ?? "") || width === null || height === null) return false;
  return width * height <= LIMITS.limitInputPixels && (bytes ?? Infinity) <= MOST_BYTES;
}

const DRAWN = new Set(
  ["jpeg", "png", "webp", "gif", "avif", "tiff"].map((format) => `image/${format}`),
);

/** Before the first frame libvips walks through all of them: of a few megabytes for minutes, and nothing ends that. */
function isLongAnimation(head: Uint8Array, bytes: number): boolean {
  if (bytes <= MOST_ANIMATED_BYTES) return false;
  const name = Buffer.from(head.subarray(0, 16)).toString("latin1");
  const isAnimatedWebp = name.endsWith("VP8X") && ((head[20] ?? 0) & 2) !== 0;
  return isAnimatedWebp || name.startsWith("GIF8");
}

const MOST_ANIMATED_BYTES = 1_048_576;

/**
 * Writes a JPEG, PNG, WebP, TIFF or AVIF file anew, upright and without what cameras and programs note in it; its size in
 * bytes changes. Videos and sounds stay as they are. Rejects with a `StripMetadataError`, as for pictures of other formats,
 * or a `PicturesBusyError`.
 */
export async function stripMetadata(
  path: string,
  { contentType }: Pick<FileFacts, "contentType">,
): Promise<void> {
  if (!contentType.startsWith("image/")) return;
  const encode = ENCODERS.get(contentType);
  if (encode === undefined) throw new StripMetadataError(UNKNOWN_FORMAT);
  if (isLongAnimation(await readHead(path), (await stat(path)).size))
    throw new StripMetadataError(LONG_ANIMATION);
  await inTurnToStrip(() => writeAnew(path, contentType, encode));
}

export class PicturesBusyError extends Error {
  override readonly name = "PicturesBusyError";

  constructor(message = "Too many pictures are being made. Try again in a few seconds.") {
    super(message);
  }
}

export class StripMetadataError extends Error {
  override readonly name = "StripMetadataError";
}

const UNKNOWN_FORMAT =
  "Of pictures of this format the metadata can't be removed. Save it as JPEG or PNG in a program for pictures.";
const LONG_ANIMATION =
  "The animation is too large for its metadata to be removed. Save one of its frames as a picture.";
const DAMAGED =
  "The picture's metadata can't be removed, as it is damaged or takes too long to read. Save it anew in a program for pictures, or make it smaller.";

/** The narrowest thumbnail that is as wide, or the widest. */
export function toThumbnailWidth(width: number): ThumbnailWidth {
  return THUMBNAIL_WIDTHS.find((one) => one >= width) ?? 1024;
}

export function toThumbnailName(name: string, width: ThumbnailWidth): string {
  return `${name}.${width}.webp`;
}

/** The name of the file that a name is a thumbnail of, or else the name itself. */
export function originalOf(name: string): string {
  return name.replace(THUMBNAIL_NAME, "");
}

const THUMBNAIL_NAME = new RegExp(`\\.(?:${THUMBNAIL_WIDTHS.join("|")})\\.webp$`);

const MOST_WAITING = 100;
/** Of a picture that comes as a stream, and has to be held in memory. */
const MOST_BYTES = 64 * 1_048_576;
const TIMEOUT_MS = 10_000;
const PATIENCE = { seconds: TIMEOUT_MS / 1_000 } as const;
const LIMITS = { failOn: "error", limitInputPixels: 100_000_000 } as const;
const UPRIGHT = { ...LIMITS, autoOrient: true } as const;
/** A WebP can't be longer. */
const LONGEST_SIDE = 16_383;

/** Each picture takes one of the four threads on which Node also reads files and looks names up. */
const inTurnToStrip = createPictureTurns(1);

/** Effort would cost minutes with AVIF; a TIFF stays what it is to the last bit. */
const ENCODERS: ReadonlyMap<string, (picture: Sharp) => Sharp> = new Map([
  ["image/jpeg", (picture) => picture.jpeg({ quality: 95, chromaSubsampling: "4:4:4" })],
  ["image/png", (picture) => picture.png()],
  ["image/webp", (picture) => picture.webp({ quality: 95 })],
  ["image/tiff", (picture) => picture.tiff({ compression: "deflate" })],
  ["image/avif", (picture) => picture.avif({ quality: 95, effort: 0 })],
]);

/** At most so many pictures at once; up to 100 others wait for their turn, all in one line. */
function createPictureTurns(atOnce: number) {
  const waiting = { most: MOST_WAITING, refuse: () => new PicturesBusyError() };
  const inTurn = createTurns(atOnce, { waiting });
  return async <T>(work: () => Promise<T>): Promise<T> => await inTurn("pictures", work);
}

/** Null where there is nothing, or too much. */
async function collect(source: Readable, timeoutMs: number): Promise<Buffer | null> {
  const slow = new PicturesBusyError("The picture comes too slowly. Try again in a few seconds.");
  const timer = setTimeout(() => source.destroy(slow), timeoutMs);
  const bytes: AsyncIterable<Uint8Array> = source;
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    for await (const chunk of bytes) {
      total += chunk.byteLength;
      if (total > MOST_BYTES) return null;
      chunks.push(chunk);
    }
    return total === 0 ? null : Buffer.concat(chunks);
  } finally {
    clearTimeout(timer);
  }
}

async function draw(picture: Sharp, width: number): Promise<Buffer | null> {
  try {
    return await picture
      .resize({ width, height: LONGEST_SIDE, fit: "inside", withoutEnlargement: true })
      .timeout(PATIENCE)
      .webp({ quality: 80 })
      .toBuffer();
  } catch {
    return null; // Libvips has no codes for what is wrong with a picture.
  }
}

async function writeAnew(
  path: string,
  contentType: string,
  encode: (picture: Sharp) => Sharp,
): Promise<void> {
  const fresh = `${path}.stripped`;
  try {
    const { space, pages = 1 } = await (await openPicture(path, LIMITS)).metadata();
    // Sharp can't turn an animation, nor write one as AVIF.
    const animated = pages > 1 && contentType !== "image/avif";
    const picture = await openPicture(path, { ...LIMITS, animated, autoOrient: !animated });
    // Libvips would let everybody read it.
    await writeFile(fresh, "", { flag: "wx", mode: 0o600 });
    // Its own space keeps what has 16 bits, or one channel, as it is.
    await encode(picture).toColourspace(space).keepIccProfile().timeout(PATIENCE).toFile(fresh);
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw new StripMetadataError(DAMAGED, { cause: error });
  }
}
