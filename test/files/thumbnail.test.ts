import { createReadStream } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { crc32 } from "node:zlib";

import sharp, { type Sharp } from "sharp";
import { expect, test } from "vitest";

import { detectFile } from "../../src/files/detect-file.ts";
import {
  hasThumbnails,
  makeThumbnail,
  stripMetadata,
  THUMBNAIL_WIDTHS,
  toThumbnailWidth,
} from "../../src/files/thumbnail.ts";
import { NOT_KEPT } from "../../src/job/asset.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

/** Makes a thumbnail of what is given, a path or a stream. */
function make(
  source: string | Readable,
  width: (typeof THUMBNAIL_WIDTHS)[number],
  { ownerId = "owner", timeoutMs = 10_000 } = {},
): Promise<Buffer | null> {
  const open = async () => (typeof source === "string" ? createReadStream(source) : source);
  return makeThumbnail(open, { ownerId, width, timeoutMs });
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

test.for(THUMBNAIL_WIDTHS)("a thumbnail is a WebP %s pixels wide", async (width) => {
  const path = await write(await draw(2_000, 1_000).png().toBuffer());
  const expected = { format: "webp", width, height: width / 2, pages: 1 };
  expect(await measure(await make(path, width))).toEqual(expected);
  expect(await measure(await make(createReadStream(path), width))).toEqual(expected);
});

test("a thumbnail is upright", async () => {
  const bytes = await draw(2_000, 1_000).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  expect(await measure(await make(await write(bytes), 320))).toMatchObject({
    width: 320,
    height: 640,
  });
});

test("a small picture is not enlarged", async () => {
  const path = await write(await draw(50, 40).gif().toBuffer());
  expect(await measure(await make(path, 320))).toMatchObject({ width: 50, height: 40 });
});

test("a very tall picture has a thumbnail that WebP can hold", async () => {
  const path = await write(await draw(200, 40_000).png().toBuffer());
  expect(await measure(await make(path, 1_024))).toMatchObject({ height: 16_383 });
});

test("an animation is shown by its first frame", async () => {
  const picture = await make(await write(await (await animate()).webp().toBuffer()), 64);
  expect(await measure(picture)).toMatchObject({ width: 64, height: 32, pages: 1 });
  const { channels } = await sharp(picture ?? "").stats();
  expect(channels.map(({ mean }) => Math.round(mean / 255))).toEqual([1, 0, 0]);
});

test("what is no picture, or a damaged one, has no thumbnail", async () => {
  const png = await draw(500, 500).png().toBuffer();
  for (const bytes of [png.subarray(0, 200), "some text", "", "<svg", "%PDF-1.7"]) {
    expect(await make(await write(bytes), 64)).toBeNull();
    expect(await make(Readable.from([Buffer.from(bytes)]), 64)).toBeNull();
  }
});

test("a picture of more than 100 million pixels has no thumbnail", async () => {
  const png = await draw(10, 10).png().toBuffer();
  png.writeUInt32BE(30_000, 16);
  png.writeUInt32BE(30_000, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  expect(await detectFile(await write(png))).toMatchObject({ width: 30_000, height: 30_000 });
  expect(await make(await write(png), 64)).toBeNull();
});

test("a long animation has no thumbnail, as libvips would walk through all of it first", async () => {
  for (const format of ["gif", "webp"] as const) {
    const short = await (await animate()).toFormat(format).toBuffer();
    const long = Buffer.concat([short, Buffer.alloc(1_048_576)]);
    expect(await make(Readable.from([short]), 64)).not.toBeNull();
    expect(await make(Readable.from([long]), 64)).toBeNull();
    const path = await write(long);
    await expect(
      stripMetadata(path, { ...(await detectFile(path)), ownerId: "owner" }),
    ).rejects.toThrow(/metadata/);
  }
});

test("what libvips reads beside common formats has no thumbnail", async () => {
  const path = join(await createTemporaryFolder(), "picture.v");
  await draw(10, 10).toFile(path);
  expect(await make(path, 64)).toBeNull();
});

test("a file that is missing is an error", async () => {
  const missing = join(await createTemporaryFolder(), "missing");
  await expect(make(missing, 64)).rejects.toMatchObject({ code: "ENOENT" });
  await expect(make(createReadStream(missing), 64)).rejects.toMatchObject({ code: "ENOENT" });
});

test("an SVG has no thumbnail, as one of a few lines may take hours to draw", async () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
  expect(await make(Readable.from([Buffer.from(svg)]), 64)).toBeNull();
});

test("a stream that is too large for the memory is left early", async () => {
  const mebibyte = Buffer.alloc(1_048_576);
  const endless = new Readable({
    read() {
      this.push(mebibyte);
    },
  });
  expect(await make(endless, 64)).toBeNull();
  expect(endless.destroyed).toBe(true);
});

test("a stream that stops is left after a while", async () => {
  const stopped = new PassThrough();
  stopped.write("some");
  await expect(make(stopped, 64, { timeoutMs: 100 })).rejects.toThrow(
    /^The picture comes too slowly\./,
  );
  expect(stopped.destroyed).toBe(true);
});

test("of one owner two hundred wait, and one more is refused", async () => {
  const png = await draw(10, 10).png().toBuffer();
  const first = new PassThrough();
  const begun = Promise.withResolvers<void>();
  const open = async () => {
    begun.resolve();
    return first;
  };
  const made = [makeThumbnail(open, { ownerId: "owner", width: 64 })];
  // Pictures of tests before may still be drawn.
  await begun.promise;
  for (let others = 0; others < 199; others += 1) made.push(make(Readable.from([png]), 64));
  const failing = new Readable({ read: () => void failing.destroy(new Error("the disk is gone")) });
  const failed = expect(make(failing, 64)).rejects.toThrow("the disk is gone");

  const refused = new PassThrough();
  await expect(make(refused, 64)).rejects.toMatchObject({
    name: "PicturesBusyError",
    message: expect.stringContaining("Try again"),
  });
  first.end(png);
  for (const picture of await Promise.all(made)) {
    expect(await measure(picture)).toMatchObject({ width: 10 });
  }
  await failed;
  expect(await measure(await make(Readable.from([png]), 64))).toMatchObject({ width: 10 });
});

test("an owner's pictures are made one at a time, and those of all owners two at a time, in turns", async () => {
  const png = await draw(10, 10).png().toBuffer();
  const begun: string[] = [];
  const sources = new Map<string, PassThrough>();
  const made = ["a1", "a2", "a3", "b1", "c1"].map((name) => {
    const source = new PassThrough();
    sources.set(name, source);
    const open = async () => {
      begun.push(name);
      return source;
    };
    return makeThumbnail(open, { ownerId: name.slice(0, 1), width: 64 });
  });
  for (const [index, name] of ["a1", "b1", "c1", "a2", "a3"].entries()) {
    // The third of all waits for one of the first two, and an owner's second for its first.
    const expected = ["a1", "b1", "c1", "a2", "a3"].slice(0, index === 3 ? 4 : index + 2);
    await expect.poll(() => begun).toEqual(expected);
    sources.get(name)?.end(png);
    await made[["a1", "a2", "a3", "b1", "c1"].indexOf(name)];
  }
  for (const picture of await Promise.all(made)) expect(picture).not.toBeNull();
});

test("what would take too much memory to draw has no thumbnail, which is told of common pictures beforehand", () => {
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
  expect(hasThumbnails({ ...kept, contentType: "image/png", width: 10, bytes: 70e6 })).toBe(false);
});

test("a width is rounded up to that of a thumbnail", () => {
  expect([-1, 64, 65, 1_000, 5_000].map(toThumbnailWidth)).toEqual([64, 64, 320, 1_024, 1_024]);
});

/** Strips a file, and gives what is left. */
async function strip(bytes: Buffer) {
  const path = await write(bytes);
  await stripMetadata(path, { ...(await detectFile(path)), ownerId: "owner" });
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
  const { left } = await strip(
    await draw(60, 40).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  );
  const after = await sharp(left).metadata();
  expect(after).toMatchObject({ width: 40, height: 60 });
  expect(after.orientation ?? 1).toBe(1);
});

test("what a program writes into a PNG as text is gone", async () => {
  const png = await draw(60, 40).png().toBuffer();
  const text = Buffer.from("tEXtworkflow\0a secret prompt");
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(text.length - 4);
  checksum.writeUInt32BE(crc32(text));
  const HEADER_ENDS_AT = 33;
  const { left } = await strip(
    Buffer.concat([
      png.subarray(0, HEADER_ENDS_AT),
      length,
      text,
      checksum,
      png.subarray(HEADER_ENDS_AT),
    ]),
  );
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
  const turned = { r: 1, g: 2, b: 3, alpha: 0.5 };
  const webp = draw(3_700, 3_700).webp({ effort: 0 }).toBuffer();
  const deep = sharp({ create: { width: 6_500, height: 6_500, channels: 4, background: turned } })
    .toColourspace("rgb16")
    .png({ compressionLevel: 1 })
    .toBuffer();
  const [allowed, refused] = await Promise.all([webp, deep]);
  expect(await measure((await strip(allowed)).left)).toMatchObject({ width: 3_700 });
  await expect(strip(refused)).rejects.toThrow(/too large for its metadata .* save it as JPEG/);
});

test("a damaged picture is refused, and stays as it is", async () => {
  const png = await draw(600, 400).png().toBuffer();
  const path = await write(png.subarray(0, -200));
  await expect(
    stripMetadata(path, { contentType: "image/png", ownerId: "owner" }),
  ).rejects.toMatchObject({
    code: "INVALID_FILE",
    message: expect.stringContaining("Save it anew"),
  });
  expect(await readFile(path)).toEqual(png.subarray(0, -200));
  expect(await readdir(dirname(path))).toEqual(["file"]);
});
