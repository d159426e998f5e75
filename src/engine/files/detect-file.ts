import { open } from "node:fs/promises";

import { chance } from "../../runtime/environment.ts";
import type { AssetKind } from "../job/asset.ts";

export type FileFacts = {
  readonly contentType: string;
  /** Without a dot. */
  readonly extension: string;
  readonly kind: AssetKind;
  /** In pixels, upright, and of one frame; null for what is no picture, or one whose size can't be read. */
  readonly width: number | null;
  readonly height: number | null;
};

type Size = Pick<FileFacts, "width" | "height">;

/** What a file on disk is, by its bytes alone. Damage is no error; what is not recognized is `application/octet-stream`. */
export async function detectFile(path: string): Promise<FileFacts> {
  const head = await readHead(path);
  const svgRoot = findSvgRoot(head);
  const [contentType, extension] = findType(svgRoot === null ? await readExtension(path) : "svg");
  const kind = kindOf(contentType);
  if (svgRoot !== null) return { contentType, extension, kind, ...measureSvg(svgRoot) };
  if (kind !== "IMAGE") return { contentType, extension, kind, ...NO_SIZE };
  const isHeif = contentType === "image/avif" || contentType === "image/heic";
  const size = isHeif ? measureHeif(head) : await measurePicture(head);
  return { contentType, extension, kind, ...size };
}

/** How a browser is to take a file of this name: only what can hold no program is shown where its URL is opened. */
export function toFileHeaders(name: string): {
  readonly contentType: string;
  readonly contentDisposition: string;
} {
  const [contentType] = findType(name.slice(name.lastIndexOf(".") + 1).toLowerCase());
  // An SVG is a page, which can run programs. No name is given: a browser takes the URL's, and a page may have a better one.
  const isShown = contentType !== SVG && kindOf(contentType) !== "OTHER";
  return { contentType, contentDisposition: isShown ? "inline" : "attachment" };
}

/** Of any media type, also of those that no file is detected to have, as browsers have more than one for some. */
export function kindOf(contentType: string): AssetKind {
  const family = contentType.toUpperCase();
  return (
    (["IMAGE", "VIDEO", "AUDIO"] as const).find((kind) => family.startsWith(`${kind}/`)) ?? "OTHER"
  );
}

/** Makes a file name that nobody can guess. */
export function createFileName(extension: string): string {
  return `${chance.uuid()}.${extension}`;
}

/** The bytes that identify an SVG and give a picture's size. A JPEG may have a profile and a small copy before its size. */
export async function readHead(path: string): Promise<Uint8Array> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES);
  return buffer.subarray(0, bytesRead);
}

/** The start tag of the root of an SVG, as far as it is in the first 4 KiB; null for every other file. */
function findSvgRoot(bytes: Uint8Array): string | null {
  // The decoder leaves out a byte order mark.
  let rest = new TextDecoder().decode(bytes.subarray(0, SVG_HEAD_BYTES));
  // One at a time: a regular expression for all of them would go back over what it has read, again and again.
  for (let part = PROLOGUE.exec(rest); part !== null; part = PROLOGUE.exec(rest)) {
    rest = rest.slice(part[0].length);
  }
  return /^<svg(?=[\s/>])[^>]*/.exec(rest)?.[0] ?? null;
}

const HEAD_BYTES = 524_288;
const SVG_HEAD_BYTES = 4_096;
/** White space, an XML declaration, a comment or a document type. */
const PROLOGUE = /^(?:\s+|<\?[^]*?\?>|<!--[^]*?-->|<!doctype\s[^[>]*(?:\[[^]*?\]\s*)?>)/i;

/** A content type and its extensions; files get the first. */
type FileType = readonly [contentType: string, extension: string, ...others: string[]];

const SVG = "image/svg+xml";
const UNKNOWN: FileType = ["application/octet-stream", "bin"];
const TYPES: readonly FileType[] = [
  ["image/png", "png"],
  ["image/apng", "apng"],
  ["image/jpeg", "jpg", "jpeg"],
  ["image/webp", "webp"],
  ["image/gif", "gif"],
  ["image/avif", "avif"],
  ["image/heic", "heic", "heif"],
  ["image/bmp", "bmp"],
  ["image/tiff", "tiff", "tif"],
  [SVG, "svg"],
  ["video/mp4", "mp4", "m4v"],
  ["video/webm", "webm"],
  ["video/quicktime", "mov"],
  ["video/matroska", "mkv"],
  ["video/vnd.avi", "avi"],
  ["audio/mpeg", "mp3"],
  ["audio/wav", "wav"],
  ["audio/flac", "flac"],
  ["audio/ogg", "ogg", "oga", "opus"],
  ["audio/mp4", "m4a", "m4b"],
  ["audio/aac", "aac"],
];

function findType(extension: string): FileType {
  return TYPES.find(([, ...extensions]) => extensions.includes(extension)) ?? UNKNOWN;
}

async function readExtension(path: string): Promise<string> {
  const { fileTypeFromFile } = await import("file-type");
  try {
    return (await fileTypeFromFile(path))?.ext ?? "";
  } catch (error) {
    // The disk failed, which says nothing of the file's bytes.
    if (error instanceof Error && "syscall" in error) throw error;
    return "";
  }
}

const NO_SIZE: Size = { width: null, height: null };

/** Reads the first bytes alone: libvips walks through all frames, which may take it minutes. */
async function measurePicture(head: Uint8Array): Promise<Size> {
  const { disableTypes, imageSize, types } = await import("image-size");
  disableTypes(types.filter((type) => !MEASURED.has(type)));
  try {
    const { width, height, orientation = 1 } = imageSize(head);
    if (!(width >= 1 && height >= 1)) return NO_SIZE;
    // A picture whose orientation is 5 or more lies on its side.
    return orientation < 5 ? { width, height } : { width: height, height: width };
  } catch {
    return NO_SIZE; // Damaged, or only known later in the file.
  }
}

const MEASURED: ReadonlySet<string> = new Set(["bmp", "gif", "jpg", "png", "tiff", "webp"]);

/** The largest size of an item: a picture may have tiles and smaller copies. Boxes may be tiny, so few are read. */
function measureHeif(head: Uint8Array): Size {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  let largest = { width: 0, height: 0 };
  let at = 0;
  for (let boxes = 0; boxes < MAX_BOXES && at + SIZE_BOX_BYTES <= head.length; boxes += 1) {
    const bytes = view.getUint32(at);
    const name = Buffer.from(head.subarray(at + 4, at + 8)).toString("latin1");
    if (name === "ispe") {
      const [width, height] = [view.getUint32(at + 12), view.getUint32(at + 16)];
      if (width * height > largest.width * largest.height) largest = { width, height };
    }
    // What is in a box comes before what is behind it. A box without a size is the last, or too large for a head.
    at += HEADERS_OF_BOXES.get(name) ?? (bytes < 8 ? head.length : bytes);
  }
  return largest.width === 0 ? NO_SIZE : largest;
}

const MAX_BOXES = 1_000;
const SIZE_BOX_BYTES = 20;
/** Of boxes that hold others, among which the sizes are: how many bytes come first. */
const HEADERS_OF_BOXES: ReadonlyMap<string, number> = new Map([
  ["meta", 12],
  ["iprp", 8],
  ["ipco", 8],
]);

/** The size, where the root says it in pixels. */
function measureSvg(root: string): Size {
  const [width = 0, height = 0] = ["width", "height"].map((name) =>
    Number(new RegExp(`\\s${name}\\s*=\\s*["'](\\d{1,6})(?:px)?["']`).exec(root)?.[1]),
  );
  return width >= 1 && height >= 1 ? { width, height } : NO_SIZE;
}
