import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import sharp from "sharp";
import { expect, test } from "vitest";

import {
  createFileName,
  detectFile,
  kindOf,
  toFileHeaders,
} from "../../src/engine/files/detect-file.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { insertPngChunk, PNG_WIDTH_AT } from "./png-chunk.ts";

const OTHER = {
  contentType: "application/octet-stream",
  extension: "bin",
  kind: "OTHER",
  width: null,
  height: null,
};

async function detect(bytes: Uint8Array | string, name = "file") {
  const path = join(await createTemporaryFolder(), name);
  await writeFile(path, bytes);
  return await detectFile(path);
}

function draw(width = 30, height = 20) {
  return sharp({ create: { width, height, channels: 3, background: "teal" } });
}

/** The part of an ISO base media file that identifies it. */
function toMedia(brand: string): string {
  return `\0\0\0\x14ftyp${brand}\0\0\0\0${brand}\0\0\0\x08mdat`;
}

test.for([
  ["png", "image/png", "png"],
  ["jpeg", "image/jpeg", "jpg"],
  ["webp", "image/webp", "webp"],
  ["gif", "image/gif", "gif"],
  ["avif", "image/avif", "avif"],
  ["tiff", "image/tiff", "tiff"],
] as const)(
  "a picture written as %s is %s, with its size",
  async ([format, contentType, extension]) => {
    const bytes = await draw().toFormat(format).toBuffer();
    expect(await detect(bytes, "mislabelled.mp4")).toEqual({
      contentType,
      extension,
      kind: "IMAGE",
      width: 30,
      height: 20,
    });
  },
);

test.for([
  ["a video for the web", toMedia("isom"), "video/mp4", "mp4", "VIDEO"],
  ["a video of a phone", toMedia("qt  "), "video/quicktime", "mov", "VIDEO"],
  ["a sound for phones", toMedia("M4A "), "audio/mp4", "m4a", "AUDIO"],
  ["WebM", "\x1a\x45\xdf\xa3\x87\x42\x82\x84webm", "video/webm", "webm", "VIDEO"],
  ["Matroska", "\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska", "video/matroska", "mkv", "VIDEO"],
  ["AVI", "RIFF\0\0\0\0AVI LIST", "video/vnd.avi", "avi", "VIDEO"],
  ["WAV", "RIFF\0\0\0\0WAVEfmt ", "audio/wav", "wav", "AUDIO"],
  ["FLAC", "fLaC\0\0\0\0", "audio/flac", "flac", "AUDIO"],
  ["MP3", "\xff\xfb\x90\x64\0\0\0\0", "audio/mpeg", "mp3", "AUDIO"],
  ["MP3 with tags", "ID3\x04\0\0\0\0\x0f\x7f", "audio/mpeg", "mp3", "AUDIO"],
  ["Vorbis", `OggS${"\0".repeat(24)}\x01vorbis\0\0`, "audio/ogg", "ogg", "AUDIO"],
  ["Opus", `OggS${"\0".repeat(24)}OpusHead`, "audio/ogg", "ogg", "AUDIO"],
  ["HEIC", toMedia("heic"), "image/heic", "heic", "IMAGE"],
  ["BMP", "BM\0\0\0\0\0\0\0\0\0\0", "image/bmp", "bmp", "IMAGE"],
] as const)("%s is known by its bytes", async ([, bytes, contentType, extension, kind]) => {
  const facts = { contentType, extension, kind, width: null, height: null };
  expect(await detect(Buffer.from(bytes, "latin1"))).toEqual(facts);
});

test.for([
  ["a ZIP named cat.png", "cat.png", "PK\x03\x04\x14\0\0\0\0\0\0\0\0\0"],
  ["HTML", "page.jpg", "<!doctype html><html><svg></svg></html>"],
  ["HTML behind a comment", "page.svg", "<!-- <svg> --><html></html>"],
  ["a word that begins like SVG", "x.svg", "<svgfoo>"],
  ["a PDF", "x.png", "%PDF-1.7"],
  ["an empty file", "x.png", ""],
  ["a single byte", "x.png", "\x89"],
] as const)("%s is some bytes", async ([, name, bytes]) => {
  expect(await detect(Buffer.from(bytes, "latin1"), name)).toEqual(OTHER);
});

test.for([
  ["alone", '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30px"/>'],
  ["with a byte order mark", "\uFEFF<svg width='40' height='30'></svg>"],
  [
    "of a drawing program",
    `<?xml version="1.0" standalone="no"?>\r\n<!-- Made <by> hand -->
     <!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd" [
       <!ENTITY ns "http://www.w3.org/2000/svg">
     ]>
     <svg\n width = "40"\n height = "30"\n>`,
  ],
] as const)("an SVG %s is one, and as large as a browser shows it", async ([, text]) => {
  expect(await detect(text)).toEqual({
    contentType: "image/svg+xml",
    extension: "svg",
    kind: "IMAGE",
    width: 40,
    height: 30,
  });
});

test.for([
  "<svg>",
  '<svg width="40">',
  '<svg width="0" height="30">',
  '<svg width="99999999999" height="1">',
  '<svg width="4e1" height="x">',
  '<svg viewBox="0 0 40 30">',
  '<svg width="30pt" height="22.5pt">',
  `<svg data-x="${"x".repeat(5_000)}" width="1" height="1">`,
])("an SVG without a size in its first bytes has none: %s", async (text) => {
  const facts = { contentType: "image/svg+xml", width: null, height: null };
  expect(await detect(text)).toMatchObject(facts);
});

test("a file that begins with endless XML costs a look at its first bytes", async () => {
  for (const text of ["<!--", "<?x?>", "<!DOCTYPE svg ["])
    expect(await detect(text + "] <!--".repeat(100_000))).toEqual(OTHER);
});

test("a picture has the size of its first frame, upright, as its first bytes claim it", async () => {
  const turned = await draw(30, 20).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  expect(await detect(turned)).toMatchObject({ width: 20, height: 30 });
  const frames = [await draw().png().toBuffer(), await draw().negate().png().toBuffer()];
  const animation = sharp(frames, { join: { animated: true } }).gif();
  expect(await detect(await animation.toBuffer())).toMatchObject({ width: 30, height: 20 });
  const huge = await draw().png().toBuffer();
  huge.writeUInt32BE(30_000, PNG_WIDTH_AT);
  expect(await detect(huge)).toMatchObject({ contentType: "image/png", width: 30_000, height: 20 });
});

test("an AVIF of several sizes has the largest, as it may have tiles and smaller copies", async () => {
  const avif = await draw(30, 20).avif().toBuffer();
  const [at, size] = [avif.indexOf("ispe") - 4, Buffer.alloc(20)];
  avif.copy(size, 0, at, at + 20);
  const sizes = [10, 40].map((width) => {
    const box = Buffer.from(size);
    box.writeUInt32BE(width, 12);
    return box;
  });
  const bytes = Buffer.concat([avif.subarray(0, at), ...sizes, avif.subarray(at)]);
  expect(await detect(bytes)).toMatchObject({ width: 40, height: 20 });
});

test("an animated PNG is distinguished, since a program that writes it anew would keep one frame", async () => {
  const png = await draw().png().toBuffer();
  const control = insertPngChunk(png, `acTL${"\0".repeat(8)}`);
  expect(await detect(control)).toMatchObject({ contentType: "image/apng", width: 30, height: 20 });
});

test("a truncated picture is what it was, and its size is reported if it is there", async () => {
  const jpeg = await draw(200, 100).jpeg().toBuffer();
  const none = { contentType: "image/jpeg", width: null, height: null };
  expect(await detect(jpeg.subarray(0, 100))).toMatchObject(none);
  expect(await detect(jpeg.subarray(0, -20))).toMatchObject({ width: 200, height: 100 });
});

test("a content type gives a kind, whatever its spelling", () => {
  expect(kindOf("image/x-unheard-of")).toBe("IMAGE");
  expect(kindOf("Video/MP4; codecs=avc1")).toBe("VIDEO");
  expect(kindOf("audio/x-wav")).toBe("AUDIO");
  expect(kindOf("imagery/png")).toBe("OTHER");
  expect(kindOf("text/html")).toBe("OTHER");
});

test.for([
  ["a.b.JPEG", "image/jpeg", "inline"],
  ["a.png.320.webp", "image/webp", "inline"],
  ["a.mp4", "video/mp4", "inline"],
  ["a.opus", "audio/ogg", "inline"],
  ["a.svg", "image/svg+xml", "attachment"],
  ["a.html", "application/octet-stream", "attachment"],
  ["", "application/octet-stream", "attachment"],
] as const)("a browser takes %j for %s, %s", ([name, contentType, contentDisposition]) => {
  expect(toFileHeaders(name)).toEqual({ contentType, contentDisposition });
});

test("a new name can't be guessed", () => {
  expect(createFileName("png")).toMatch(/^[\da-f-]{36}\.png$/);
  expect(createFileName("png")).not.toBe(createFileName("png"));
});
