import type { Color, Raster } from "./landscape.ts";

/** Each pixel of a raster becomes a block of so many pixels: VP8 predicts and codes pictures block by block. */
export const BLOCK = 16;

/**
 * A raster as a key frame of VP8 (RFC 6386), which is what a lossy WebP holds, and each frame of our WebM. A block has one
 * colour, so that it has one coefficient in each of its planes, and what a decoder predicts for it is the mean of the
 * block to the left and the one above.
 */
export function toKeyFrame({ width, height, palette, pixels }: Raster): Buffer {
  const modes = createBoolWriter(HEADER);
  const tokens = createBoolWriter(EMPTY);
  const colors = palette.map(toYuv);
  const planes = [0, 1, 2].map(() => new Int16Array(width * height));
  for (let at = 0; at < width * height; at += 1) {
    const wanted = colors[pixels[at] ?? 0] ?? [0, 0, 0];
    // Predicted by DC_PRED, both in luma and in chroma.
    for (const [bit, probability] of DC_MODES) modes.write(bit, probability);
    const [luma = 0, u = 0, v = 0] = planes.map((plane, index) => {
      const predicted = predict(plane, at, width);
      const step = index === 0 ? 1 : CHROMA_STEP;
      const coefficient = Math.round(((wanted[index] ?? 0) - predicted) / step);
      plane[at] = Math.min(255, Math.max(0, predicted + coefficient * step));
      return coefficient;
    });
    writeBlock(tokens, luma);
    for (let block = 0; block < 16; block += 1) tokens.write(0, LIKELY);
    for (const chroma of [u, v])
      for (let block = 0; block < 4; block += 1) writeBlock(tokens, chroma);
  }
  const first = modes.end();
  const tag = Buffer.alloc(10);
  tag.writeUIntLE((first.length << 5) | SHOWN, 0, 3);
  tag.set(START_CODE, 3);
  tag.writeUInt16LE(width * BLOCK, 6);
  tag.writeUInt16LE(height * BLOCK, 8);
  return Buffer.concat([tag, first, tokens.end()]);
}

const SHOWN = 0x10;
const START_CODE = [0x9d, 0x01, 0x2a];
const CHROMA_STEP = 4;
const DC_MODES = [
  [1, 145],
  [0, 156],
  [0, 163],
  [0, 142],
] as const;
const EVEN = 128;
/** Of the end of a block where it is the likely thing. */
const LIKELY = 255;

/**
 * The first partition as far as it is the same in every frame: no filter, quantiser 35, at which a coefficient is a step of
 * 1 in luma and of 4 in chroma, and the probabilities `EVEN` and `LIKELY` for all tokens that `writeBlock` uses. With it,
 * where the writer stands behind it.
 */
const HEADER: Written = {
  bytes: Buffer.from(
    "AABGBu4SCvgP8B/gP8B/gP8B/gP8B/gP8B4D+A+A/gP8B/gP8B/gP8B/gP8B6ithNhPAfwH+A/gP8B/gP8B/gPL+fkCogP0F/Af4D/Af4D/Af4D/Af4D1FcB9BfgP8B/gP8B/gP8B/gP8B+gvgPkN6C/Af4D/Af4D/Af4D/AeH8=",
    "base64",
  ),
  range: 234,
  bottom: 4_182_016,
  bitsLeft: 8,
};
const EMPTY: Written = { bytes: Buffer.alloc(0), range: 255, bottom: 0, bitsLeft: 24 };

function predict(plane: Int16Array, at: number, width: number): number {
  const left = at % width === 0 ? undefined : plane[at - 1];
  const above = plane[at - width];
  if (left === undefined || above === undefined) return left ?? above ?? 128;
  return (left + above + 1) >> 1;
}

/** Its first coefficient, and no other. */
function writeBlock({ write }: BoolWriter, coefficient: number): void {
  const size = Math.abs(coefficient);
  const bits = (value: number, count: number): void => {
    for (let bit = count - 1; bit >= 0; bit -= 1) write((value >> bit) & 1, EVEN);
  };
  if (size === 0) return write(0, EVEN);
  const token = TOKENS.findLast(({ from }) => size >= from) ?? TOKENS[0];
  for (const bit of token.path) write(Number(bit), EVEN);
  token.extra.forEach((probability, index) =>
    write(((size - token.from) >> (token.extra.length - 1 - index)) & 1, probability),
  );
  bits(coefficient < 0 ? 1 : 0, 1);
  write(0, LIKELY);
}

/** The smallest size of each token, its way through the tree, and the probabilities of its extra bits. */
const TOKENS = [
  { from: 1, path: "110", extra: [] },
  { from: 2, path: "11100", extra: [] },
  { from: 3, path: "111010", extra: [] },
  { from: 4, path: "111011", extra: [] },
  { from: 5, path: "111100", extra: [159] },
  { from: 7, path: "111101", extra: [165, 145] },
  { from: 11, path: "1111100", extra: [173, 148, 140] },
  { from: 19, path: "1111101", extra: [176, 155, 140, 135] },
  { from: 35, path: "1111110", extra: [180, 157, 141, 134, 130] },
  { from: 67, path: "1111111", extra: [254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129] },
] as const;

/** Red, green and blue as ITU-R BT.601 has them. */
function toYuv([red, green, blue]: Color): Color {
  return [
    16 + 0.257 * red + 0.504 * green + 0.098 * blue,
    128 - 0.148 * red - 0.291 * green + 0.439 * blue,
    128 + 0.439 * red - 0.368 * green - 0.071 * blue,
  ];
}

/** Where a writer stands. */
type Written = {
  readonly bytes: Buffer;
  readonly range: number;
  readonly bottom: number;
  readonly bitsLeft: number;
};
type BoolWriter = ReturnType<typeof createBoolWriter>;

/** The arithmetic coder of section 7: a bit costs as much as its probability, in 256ths of being 0, makes it worth. */
function createBoolWriter(start: Written) {
  const bytes = [...start.bytes];
  let { range, bottom, bitsLeft } = start;

  function carry(): void {
    let at = bytes.length - 1;
    for (; bytes[at] === 255; at -= 1) bytes[at] = 0;
    bytes[at] = (bytes[at] ?? 0) + 1;
  }

  function write(bit: number, probability: number): void {
    const split = 1 + (((range - 1) * probability) >> 8);
    if (bit === 1) bottom += split;
    range = bit === 1 ? range - split : split;
    while (range < 128) {
      range *= 2;
      if (bottom >= 2 ** 31) carry();
      bottom = (bottom % 2 ** 31) * 2;
      bitsLeft -= 1;
      if (bitsLeft > 0) continue;
      bytes.push(Math.floor(bottom / 2 ** 24));
      bottom %= 2 ** 24;
      bitsLeft = 8;
    }
  }

  return {
    write,
    end(): Buffer {
      for (let bit = 0; bit < 32; bit += 1) write(0, EVEN);
      return Buffer.from(bytes);
    },
  };
}
