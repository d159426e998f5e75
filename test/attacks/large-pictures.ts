import { constants, crc32, deflateRawSync } from "node:zlib";

const SLICE = 1_048_576;

/** A black PNG of 16 bits, which is decoded whole before its first row is there, as it is interlaced. */
export function toLargePng(side: number): Buffer {
  const passes = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
  ] as const;
  const bytes = passes.reduce((sum, [left, top, across, down]) => {
    const width = Math.ceil((side - left) / across);
    return sum + Math.ceil((side - top) / down) * (1 + width * 6);
  }, 0);
  // Each slice stands alone, so that one of each length is compressed.
  const deflate = (length: number): Buffer =>
    deflateRawSync(Buffer.alloc(length), { finishFlush: constants.Z_FULL_FLUSH });
  const slice = deflate(SLICE);
  const slices = Array.from({ length: Math.floor(bytes / SLICE) }, () => slice);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE((((bytes % 65_521) << 16) + 1) >>> 0);
  const END = Buffer.from([3, 0]);
  const zlib = [Buffer.from([0x78, 1]), ...slices, deflate(bytes % SLICE), END, sum];
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([16, 2, 0, 0, 1], 8);
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([
    signature,
    toChunk("IHDR", header),
    toChunk("IDAT", Buffer.concat(zlib)),
    toChunk("IEND", Buffer.alloc(0)),
  ]);
}

function toChunk(type: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type), content]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}
