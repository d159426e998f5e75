import { brotliDecompressSync, constants, crc32, deflateRawSync } from "node:zlib";

/** So many pixels are the most that are taken, or nearly. */
const SIDE = 9_900;
const SLICE = 1_048_576;

/** An AVIF of a few KB that takes hundreds of MB to decode: a single colour, which is slow to encode. */
export function toHugeAvif(): Buffer {
  return brotliDecompressSync(Buffer.from(AVIF, "base64"));
}

/** A black PNG of 16 bits, which is decoded whole before its first row is there, as it is interlaced. */
export function toHugePng(): Buffer {
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
    const width = Math.ceil((SIDE - left) / across);
    return sum + Math.ceil((SIDE - top) / down) * (1 + width * 6);
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
  header.writeUInt32BE(SIDE, 0);
  header.writeUInt32BE(SIDE, 4);
  header.set([16, 2, 0, 0, 1], 8);
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([
    signature,
    toChunk("IHDR", header),
    toChunk("IDAT", Buffer.concat(zlib)),
    toChunk("IEND", Buffer.alloc(0)),
  ]);
}

/** An AVIF of 512 KiB whose sizes take long to find: each of its many is looked for from the one before. */
export function toAvifOfBoxes(): Buffer {
  const ispe = toBox("ispe", Buffer.from([0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 255, 255]));
  const sizes = Array.from({ length: Math.floor(524_000 / ispe.length) }, () => ispe);
  const properties = toBox("iprp", toBox("ipco", Buffer.concat(sizes)));
  const brand = toBox("ftyp", Buffer.from("avif\0\0\0\0avifmif1"));
  return Buffer.concat([brand, toBox("meta", Buffer.concat([Buffer.alloc(4), properties]))]);
}

function toBox(type: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(8 + content.length);
  return Buffer.concat([length, Buffer.from(type), content]);
}

function toChunk(type: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type), content]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}

const AVIF =
  "G3gJIGaAznV5bQHSAskX48BNtbAswHdFPmp0n/Xxg3gYkAWYJkCb+Acd0/YWjRlNmpyzldQv2gUAAImdd4C7pS/UDgAAwAVqxxmNqmvZ5e0+3fCBLKJ0sHH2BMwfhkoBLCqos5s10MlIADAEAsEzIgAoDKWGQl3tPGDAwW0XtrDUW/pycIYVzR3q7aLF0IO6e7oDtoBA1m42iubAKR1BjsI4DtTL3bYE6JqLGMAwAPtDYziQAICNl0KXJTBhABi4CFi4HwpQnIuNpTcWAIaQ/7VrKmyphCVCBXF9xsBG/xsXg3v28XG5Nh4OTKwtMv0lDB7gC6B6l0JKC6lSQRAJO94TUxhCLbX/zpZUGSRfCSf/19SQz6xMke47as+wwlNuy1rUC9X21wqf7q54A+WhK13yEDBM8el8pZpWqMxDUpbSvdH3em9JTsWnKZ8fs78R5Lq9p4WWTTl3exDEjCrCkbcxfh/KlHD1kHnOvdXSymE8tzOrBlP+QBZHjCnqWI9hc4bUHvhMdmXgfxv52iT5862l2o2g+Q9vEN76xk0+AX52p6mRVrZDJ4LQHFNYDlsAf1VVGtuMOWVWUVg6G7VGUXPV7P/VAFag1TcEhVVwz/nWv5b1LXxTU8ix2qtas4gwg8u5VoBNPQ9WHQQ9kzO4MSv5f7VPDEEXyCvVfLYdnvPCBiF3hz43tbXx9hXBHwe/hDTE0Ol7rRxEjSThNod71ynn2Gr1M9fB0/8j1fQ8B5+cDV2vn5OZRxB/1LmIGkuYu0QQLqrlUxPZqSZ5XVXEygqLFnSsMQhbv/tz8Yx4YUGEibVH287rHrk2tL4jjvLXf/+WuZWiuY+sYcTHD+JY75rZX2gRD1ZxvnwrjMuRUDaVZLo4tJ0ZWEn5yh5YUd5x3gy6LYJeFbMtNHLbEkrt/9+MEoLLgnf7DXuvcHOjv29UeZGewzk5Ex7MtjwaI8P7WGe0413/Meb040+fcPkZL+v3JM9abGq6nzgZvExJ7/Cbo975xPeKkFYwx1wmVUlaWhNsl+FpPS8XP/FzhwjlG2nFEjf1M0XHeG7g8j+v3hB5rSVRiKMziJkY7hxktLbIiLWIU/4HAmkpQ4zutlMigTzmv4GDsoV5TVfOB1j1Wh50+QJ/dk5RNbuCPRysvingv6rj1/7EGE8urpsusvj0Nv/PTIQQLWv85G85nexb+P0lH3ecmZKqrbt5Lf0eB9R2sxEqbY82pqZ6rCapGBv5BOwGM9QVZqjaY7r0jkl99sNEIlvmFqm5sm5j266YLrzhaxgd/Zf+vlFOdc/xE7Ry2ucgrKN0bxu+0Re6ArdLVIx1edxrvefM6Z9IIaJYdb8M3Yi5aBdXuopwTpsD5sf9DuPdU53T8tehPZgCp3KtKyHTz5wGHS0ndIvxzwr156Npkvtw36e7ITZUrmc7sKsxn4kvKeE+DwM=";
