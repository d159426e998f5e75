import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { crc32 } from "node:zlib";

import sharp, { type Sharp } from "sharp";
import { expect, test } from "vitest";

import { detectFile } from "../../src/engine/files/detect-file.ts";
import {
  hasThumbnails,
  makeThumbnail,
  stripMetadata,
  THUMBNAIL_WIDTHS,
  toThumbnailWidth,
} from "../../src/engine/files/thumbnail.ts";
import { NOT_KEPT } from "../../src/engine/job/asset.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { insertPngChunk, PNG_WIDTH_AT } from "./png-chunk.ts";

/** Makes a thumbnail of what is given, bytes or a stream. */
function make(
  source: Uint8Array | Readable,
  width: (typeof THUMBNAIL_WIDTHS)[number] = 64,
  timeoutMs = 10_000,
): Promise<Buffer | null> {
  const open = async () => (source instanceof Readable ? source : Readable.from([source]));
  return makeThumbnail(open, { width, timeoutMs });
}

function draw(width: number, height: number, background = "teal") {
  return sharp({ create: { width, height, channels: 3, background } });
}

async function write(bytes: Uint8Array | string): Promise<string> {
  const path = join(await createTemporaryFolder(), "file");
  await writeFile(path, bytes);
  return path;
}

/** The size and the kind of a picture, which has to be there. */
async function measure(picture: Buffer | null) {
  if (picture === null) throw new Error("There is no picture.");
  const { format, width, height, pages = 1 } = await sharp(picture).metadata();
  return { format, width, height, pages };
}

/** Two frames, the first of which is red. */
async function animate() {
  const frames = ["red", "blue"].map((color) => draw(400, 200, color).png().toBuffer());
  return sharp(await Promise.all(frames), { join: { animated: true } });
}

test("a thumbnail is an upright WebP of that width, and no larger than its picture", async () => {
  const turned = await draw(400, 800).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  for (const width of THUMBNAIL_WIDTHS) {
    const isSmaller = width < 800;
    const size = isSmaller ? { width, height: width / 2 } : { width: 800, height: 400 };
    expect(await measure(await make(turned, width))).toEqual({ format: "webp", ...size, pages: 1 });
  }
});

test("a very tall picture has a thumbnail that WebP can hold", async () => {
  const tall = await draw(20, 20_000).png().toBuffer();
  expect(await measure(await make(tall))).toMatchObject({ height: 16_383 });
});

test("an animation is shown by its first frame", async () => {
  const picture = await make(await (await animate()).webp().toBuffer());
  expect(await measure(picture)).toMatchObject({ width: 64, height: 32, pages: 1 });
  const { channels } = await sharp(picture ?? "").stats();
  expect(channels.map(({ mean }) => Math.round(mean / 255))).toEqual([1, 0, 0]);
});

test("what is no common picture, damaged or huge has no thumbnail", async () => {
  const png = await draw(500, 500).png().toBuffer();
  // To draw an SVG of a few lines may take hours.
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" /></svg>';
  const huge = await claim(30_000, 8);
  for (const bytes of [png.subarray(0, 200), "some text", "", "<svg", svg, "%PDF-1.7", huge])
    expect(await make(Buffer.from(bytes))).toBeNull();
  const path = join(await createTemporaryFolder(), "picture.v");
  await draw(10, 10).toFile(path);
  expect(await make(await readFile(path))).toBeNull();
});

/** A PNG whose header claims to be of this size, with so many bits in each of four channels. */
async function claim(side: number, bits: 8 | 16): Promise<Buffer> {
  const png = await draw(10, 10).png().toBuffer();
  png.writeUInt32BE(side, PNG_WIDTH_AT);
  png.writeUInt32BE(side, PNG_WIDTH_AT + 4);
  png.set([bits, 6], PNG_WIDTH_AT + 8);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  return png;
}

test("a long animation has no thumbnail, as libvips would walk through all of it first", async () => {
  for (const format of ["gif", "webp"] as const) {
    const short = await (await animate()).toFormat(format).toBuffer();
    const long = Buffer.concat([short, Buffer.alloc(1_048_576)]);
    expect(await make(short)).not.toBeNull();
    expect(await make(long)).toBeNull();
    const path = await write(long);
    await expect(stripMetadata(path, await detectFile(path))).rejects.toThrow(/metadata/);
  }
});

test("a stream that is too large for the memory is left early", async () => {
  const mebibyte = Buffer.alloc(1_048_576);
  const endless = new Readable({
    read() {
      this.push(mebibyte);
    },
  });
  expect(await make(endless)).toBeNull();
  expect(endless.destroyed).toBe(true);
});

test("a stream that fails fails its thumbnail, and one that stops is left after a while", async () => {
  const failing = new Readable({ read: () => void failing.destroy(new Error("the disk is gone")) });
  await expect(make(failing)).rejects.toThrow("the disk is gone");
  const stopped = new PassThrough();
  stopped.write("some");
  await expect(make(stopped, 64, 100)).rejects.toThrow(/^The picture comes too slowly\./);
  expect(stopped.destroyed).toBe(true);
});

test("two are made at a time, in order of arrival, four hundred wait, and one more is refused", async () => {
  const png = await draw(10, 10).png().toBuffer();
  const begun: number[] = [];
  const pictures = Array.from({ length: 402 }, (_, index) => {
    const source = new PassThrough();
    const open = async () => {
      begun.push(index);
      return index < 3 ? source : null;
    };
    return { source, made: makeThumbnail(open, { width: 64 }) };
  });
  await expect(make(png)).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining("Try again"),
  });
  const [first, second, third] = pictures;
  // Pictures of tests before may still be drawn.
  await expect.poll(() => begun).toEqual([0, 1]);
  second?.source.end(png);
  await expect.poll(() => begun).toEqual([0, 1, 2]);
  for (const one of [first, third]) one?.source.end(png);
  const [made = null, ...others] = await Promise.all(pictures.map((one) => one.made));
  expect(await measure(made)).toMatchObject({ width: 10 });
  expect(new Set(others.slice(2))).toEqual(new Set([null]));
  expect(begun).toEqual(pictures.map((_, index) => index));
  expect(await measure(await make(png))).toMatchObject({ width: 10 });
});

test("what would take too much memory to draw has no thumbnail, which is known of common pictures beforehand", () => {
  const kept = { ...NOT_KEPT, state: "KEPT", file: "a", bytes: 1_000, height: 1_000 } as const;
  const widest = (format: string): number => {
    const widths = Array.from({ length: 100 }, (_, index) => (index + 1) * 1_000);
    const contentType = `image/${format}`;
    return widths.findLast((width) => hasThumbnails({ ...kept, contentType, width })) ?? 0;
  };
  expect(widest("jpeg")).toBe(78_000);
  expect(widest("png")).toBe(78_000);
  expect(widest("webp")).toBe(52_000);
  expect(widest("avif")).toBe(13_000);
  expect(widest("heic")).toBe(0);
  expect([-1, 64, 65, 5_000].map(toThumbnailWidth)).toEqual([64, 64, 320, 1_024]);
  expect(hasThumbnails({ ...kept, contentType: "image/png", width: 10, bytes: 70e6 })).toBe(false);
});

/** Strips a file, and gives what is left. */
async function strip(bytes: Buffer) {
  const path = await write(bytes);
  await stripMetadata(path, await detectFile(path));
  expect(await readdir(dirname(path))).toEqual(["file"]);
  return { path, left: await readFile(path) };
}

function mark(picture: Sharp): Sharp {
  return picture
    .withIccProfile("p3")
    .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/">At home</x:xmpmeta>')
    .withExif({ IFD0: { Artist: "Somebody" }, IFD3: { GPSLatitudeRef: "N" } });
}

test.for(["jpeg", "png", "webp", "tiff", "avif"] as const)(
  "what is noted in a %s is gone, and its colors are what they were",
  async (format) => {
    const marked = await mark(draw(60, 40, "#4080c0"))
      .toFormat(format)
      .toBuffer();
    const before = await sharp(marked).metadata();
    // What EXIF says, a TIFF says by itself.
    expect(format === "tiff" ? before.xmp : before.exif).toBeDefined();
    const { path, left } = await strip(marked);
    const after = await sharp(left).metadata();
    expect(after).toMatchObject({ width: 60, height: 40, mediaType: before.mediaType });
    expect(after.exif).toBeUndefined();
    expect(after.xmp).toBeUndefined();
    expect(after.icc).toEqual(before.icc);
    expect(left.includes("Somebody")).toBe(false);
    expect(left.includes("At home")).toBe(false);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const [was, is] = await Promise.all([marked, left].map((one) => sharp(one).stats()));
    for (const [channel, { mean }] of is?.channels.entries() ?? []) {
      expect(Math.abs(mean - (was?.channels[channel]?.mean ?? 0))).toBeLessThan(2);
    }
  },
);

test("a picture that a camera turned is upright without its note", async () => {
  const turned = await draw(60, 40).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  const { width, height, orientation = 1 } = await sharp((await strip(turned)).left).metadata();
  expect({ width, height, orientation }).toEqual({ width: 40, height: 60, orientation: 1 });
});

test("what a program writes into a PNG as text is gone", async () => {
  const png = await draw(60, 40).png().toBuffer();
  const { left } = await strip(insertPngChunk(png, "tEXtworkflow\0a secret prompt"));
  expect(left.includes("a secret prompt")).toBe(false);
});

test("a depth map keeps its one channel and its 16 bits", async () => {
  const depths = Uint16Array.from({ length: 64 * 64 }, (_, index) => index * 16);
  const raw = { width: 64, height: 64, channels: 1 } as const;
  const png = await sharp(depths, { raw }).toColourspace("grey16").png().toBuffer();
  const { left } = await strip(png);
  expect(await sharp(left).metadata()).toMatchObject({ depth: "ushort", channels: 1 });
  const read = (bytes: Buffer) => sharp(bytes).toColourspace("grey16").raw({ depth: "ushort" });
  expect(await read(left).toBuffer()).toEqual(await read(png).toBuffer());
});

test("an animation keeps its frames", async () => {
  const { left } = await strip(await (await animate()).webp().toBuffer());
  expect(await measure(left)).toMatchObject({ width: 400, pages: 2 });
});

test("a picture that can't be written anew is refused, and files that are none stay as they are", async () => {
  await expect(strip(await draw(60, 40).gif().toBuffer())).rejects.toThrow(
    /Save it as JPEG or PNG/,
  );
  const sound = Buffer.from("ID3\x04\0\0\0\0\x0f\x7f", "latin1");
  expect((await strip(sound)).left).toEqual(sound);
});

test("a picture whose depth or format would take too much memory to write anew is refused", async () => {
  await expect(strip(await claim(6_500, 8))).rejects.toThrow(/damaged/);
  await expect(strip(await claim(6_500, 16))).rejects.toThrow(/too large .* save it as JPEG/);
  const create = { width: 3_700, height: 3_700, channels: 4, background: "#4080c080" } as const;
  const webp = await sharp({ create }).webp({ effort: 0, lossless: true }).toBuffer();
  await expect(strip(webp)).rejects.toThrow(/too large .* save it as JPEG/);
});

test("a damaged picture is refused, and stays as it is", async () => {
  const png = await draw(600, 400).png().toBuffer();
  const path = await write(png.subarray(0, -200));
  await expect(stripMetadata(path, { contentType: "image/png" })).rejects.toMatchObject({
    code: "INVALID_FILE",
    message: expect.stringContaining("Save it anew"),
  });
  expect(await readFile(path)).toEqual(png.subarray(0, -200));
  expect(await readdir(dirname(path))).toEqual(["file"]);
});
