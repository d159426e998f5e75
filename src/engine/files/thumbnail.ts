import { rename, rm, stat, writeFile } from "node:fs/promises";
import type { Readable } from "node:stream";

import type { Metadata, Sharp, SharpOptions } from "sharp";

import { clock } from "../../runtime/environment.ts";
import type { KeptFile } from "../job/asset.ts";
import { CodedError, invalidFile, unavailable } from "../../runtime/coded-error.ts";
import { Semaphore } from "../../runtime/semaphore.ts";
import { type FileFacts, readHead } from "./detect-file.ts";

export const THUMBNAIL_WIDTHS = [64, 320, 640, 1024] as const;
type ThumbnailWidth = (typeof THUMBNAIL_WIDTHS)[number];

/**
 * Makes a WebP at most so wide, upright and of the first frame, of what `open` gives once it has a slot; null for what is
 * no picture, is damaged or too large, or takes too long. Rejects with UNAVAILABLE where too many are being made, and as
 * `open` and its stream do. The stream is destroyed in the end.
 */
export async function makeThumbnail(
  open: () => Promise<Readable | null>,
  options: {
    readonly width: ThumbnailWidth;
    /** How long the stream may take to come. */
    readonly timeoutMs?: number;
  },
): Promise<Buffer | null> {
  const { width, timeoutMs = TIMEOUT_MS } = options;
  return await slots.run(async () => {
    const source = await open();
    const bytes = source && (await collect(source, timeoutMs).finally(() => source.destroy()));
    if (!bytes || isLongAnimation(bytes, bytes.length)) return null;
    return await draw(bytes, width);
  });
}

/** Whether a kept file has thumbnails: others are no pictures, or take too much to draw. */
export function hasThumbnails({
  contentType,
  bytes,
  width,
  height,
}: Pick<KeptFile, "contentType" | "bytes" | "width" | "height">): boolean {
  const [family, format = ""] = contentType?.split("/") ?? [];
  if (family !== "image" || bytes === null || width === null || height === null) return false;
  // As if it were transparent: its bands and their depth are only known where it is drawn.
  const isLarge = isTooLarge({ format, width, height, channels: 4, depth: "uchar" }, bytes, "draw");
  return !isLarge && bytes <= MAX_BYTES;
}

/**
 * Whether libvips would need too much memory. How much it needs for each byte of the picture was measured: it reads some
 * formats row by row, and others whole and more than once. A turned picture is held whole in each.
 */
function isTooLarge(picture: PictureFacts, fileBytes: number, work: "draw" | "write"): boolean {
  const { format, width, height, channels, depth, isProgressive = false } = picture;
  const factors = FACTORS.get(format === "jpeg" && isProgressive ? "progressive jpeg" : format);
  const sampleBytes = depth === "uchar" ? 1 : depth === "ushort" ? 2 : 8;
  const pictureBytes = width * height * channels * sampleBytes;
  return fileBytes + pictureBytes * (factors?.[work] ?? Infinity) > MAX_NEEDED_BYTES;
}

type PictureFacts = Pick<Metadata, "width" | "height" | "channels" | "depth"> & {
  readonly format: string;
  readonly isProgressive?: boolean;
};

/** Libvips calls the whole family `heif`, but can read only AVIF. */
const AVIF = { draw: 6, write: 13.5 } as const;
const FACTORS: ReadonlyMap<string, { readonly draw: number; readonly write: number }> = new Map([
  ["jpeg", { draw: 1, write: 1 }],
  ["progressive jpeg", { draw: 2.5, write: 2.5 }],
  ["png", { draw: 1, write: 1 }],
  ["webp", { draw: 1.5, write: 6 }],
  ["gif", { draw: 2, write: 2 }],
  ["tiff", { draw: 2.5, write: 2.5 }],
  ["avif", AVIF],
  ["heif", AVIF],
]);

/** Before the first frame libvips walks through all of them: of a few megabytes for minutes, and nothing ends that. */
function isLongAnimation(head: Uint8Array, bytes: number): boolean {
  if (bytes <= MAX_ANIMATED_BYTES) return false;
  const name = Buffer.from(head.subarray(0, 16)).toString("latin1");
  const isAnimatedWebp = name.endsWith("VP8X") && ((head[20] ?? 0) & 2) !== 0;
  return isAnimatedWebp || name.startsWith("GIF8");
}

const MAX_ANIMATED_BYTES = 1_048_576;

/**
 * Writes a JPEG, PNG, WebP, TIFF or AVIF file anew, upright and without what cameras and programs note in it; its size in
 * bytes changes. Videos and sounds stay as they are. Rejects with INVALID_FILE, as for pictures of other formats, or with
 * UNAVAILABLE.
 */
export async function stripMetadata(
  path: string,
  { contentType }: Pick<FileFacts, "contentType">,
): Promise<void> {
  if (!contentType.startsWith("image/")) return;
  const encode = ENCODERS.get(contentType);
  if (encode === undefined) throw invalidFile(UNKNOWN_FORMAT);
  if (isLongAnimation(await readHead(path), (await stat(path)).size))
    throw invalidFile(LONG_ANIMATION);
  await slots.run(() => writeAnew(path, contentType, encode));
}

const UNKNOWN_FORMAT =
  "Of pictures of this format the metadata can't be removed. Save it as JPEG or PNG in a program for pictures.";
const TOO_LARGE =
  "The picture is too large for its metadata to be removed. Make it smaller, or save it as JPEG in a program for pictures.";
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

/** How many pictures wait. */
const MAX_WAITING = 400;
/** A picture that comes as a stream has to be held in memory. */
const MAX_BYTES = 64 * 1_048_576;
/** The memory that one picture may need. */
const MAX_NEEDED_BYTES = 300 * 1_048_576;
const TIMEOUT_MS = 10_000;
const PATIENCE = { seconds: TIMEOUT_MS / 1_000 } as const;
const LIMITS = { failOn: "error", limitInputPixels: 100_000_000 } as const;
const UPRIGHT = { ...LIMITS, autoOrient: true } as const;
/** A WebP can't be wider or higher. */
const MAX_SIDE = 16_383;

/** Two at a time: each takes one of the four threads on which Node also reads files and resolves names, and much memory. */
const slots = new Semaphore({
  atOnce: 2,
  maxWaiting: MAX_WAITING,
  refuse: () => unavailable("Too many pictures are being made. Try again in a few seconds."),
});

/**
 * Effort would cost minutes with AVIF, and with WebP twice the memory; a JPEG whose coding is optimised is held whole. A TIFF
 * stays what it is to the last bit.
 */
const ENCODERS: ReadonlyMap<string, (picture: Sharp) => Sharp> = new Map([
  [
    "image/jpeg",
    (picture) => picture.jpeg({ quality: 95, chromaSubsampling: "4:4:4", optimiseCoding: false }),
  ],
  ["image/png", (picture) => picture.png()],
  ["image/webp", (picture) => picture.webp({ quality: 95, effort: 2 })],
  ["image/tiff", (picture) => picture.tiff({ compression: "deflate" })],
  ["image/avif", (picture) => picture.avif({ quality: 95, effort: 0 })],
]);

/** Reads a stream into memory; null if it has nothing, or too much. */
async function collect(source: Readable, timeoutMs: number): Promise<Buffer | null> {
  const slow = unavailable("The picture comes too slowly. Try again in a few seconds.");
  const stopTimer = clock.setTimer(() => source.destroy(slow), timeoutMs);
  const bytes: AsyncIterable<Uint8Array> = source;
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    for await (const chunk of bytes) {
      total += chunk.byteLength;
      if (total > MAX_BYTES) return null;
      chunks.push(chunk);
    }
    return total === 0 ? null : Buffer.concat(chunks);
  } finally {
    stopTimer();
  }
}

async function draw(bytes: Buffer, width: number): Promise<Buffer | null> {
  try {
    const picture = await openPicture(bytes, UPRIGHT);
    if (isTooLarge(await picture.metadata(), bytes.length, "draw")) return null;
    return await picture
      .resize({ width, height: MAX_SIDE, fit: "inside", withoutEnlargement: true })
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
    const facts = await (await openPicture(path, LIMITS)).metadata();
    const { size } = await stat(path);
    if (isTooLarge(facts, size, "write")) throw invalidFile(TOO_LARGE);
    const { space, pages = 1 } = facts;
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
    throw error instanceof CodedError ? error : invalidFile(DAMAGED, { cause: error });
  }
}

/**
 * Opens a picture with nothing but the decoders of common formats. SVG is not among them: to draw one can take hours that
 * no time-out of libvips ends, and from a path it would read the files beside it.
 */
async function openPicture(source: string | Uint8Array, options: SharpOptions): Promise<Sharp> {
  // It takes 30 MB, which a gateway without pictures can do without.
  const { default: sharp } = await import("sharp");
  if (!isRestricted) {
    isRestricted = true;
    sharp.block({ operation: ["VipsForeignLoad"] });
    sharp.unblock({ operation: DECODERS.map((name) => `VipsForeignLoad${name}`) });
    // It caches by path, so it would return a file that has since been replaced.
    sharp.cache(false);
    sharp.concurrency(1);
  }
  return sharp(source, options);
}

/** Libvips has one set of decoders for the whole process, which are not to be blocked while another picture is read. */
let isRestricted = false;
const DECODERS = ["Jpeg", "Png", "Webp", "Nsgif", "Heif", "Tiff"] as const;
