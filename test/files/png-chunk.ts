import { crc32 } from "node:zlib";

export const PNG_WIDTH_AT = 16;
const HEADER_ENDS_AT = 33;

/** Writes a chunk behind the header of a PNG: four letters, which say what it is, and its bytes. */
export function insertPngChunk(png: Buffer, text: string): Buffer {
  const chunk = Buffer.from(text, "latin1");
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(chunk.length - 4);
  checksum.writeUInt32BE(crc32(chunk));
  const [head, tail] = [png.subarray(0, HEADER_ENDS_AT), png.subarray(HEADER_ENDS_AT)];
  return Buffer.concat([head, length, chunk, checksum, tail]);
}
