/** A lossy WebP of one key frame of VP8. */
export function toWebp(frame: Buffer): Buffer {
  const padded = frame.length % 2 === 0 ? frame : Buffer.concat([frame, Buffer.alloc(1)]);
  const head = Buffer.from("RIFF\0\0\0\0WEBPVP8 \0\0\0\0", "latin1");
  head.writeUInt32LE(padded.length + 12, 4);
  head.writeUInt32LE(frame.length, 16);
  return Buffer.concat([head, padded]);
}

/** A WebM without sound of key frames of VP8, which are shown for `frameMs` each: at most half a minute in all. */
export function toWebm(
  frames: readonly Buffer[],
  size: { readonly width: number; readonly height: number; readonly frameMs: number },
): Buffer {
  const { width, height, frameMs } = size;
  const duration = Buffer.alloc(8);
  duration.writeDoubleBE(frames.length * frameMs);
  const blocks = frames.map((frame, index) => {
    // Track 1, a time from the start of the cluster, and the flag of a key frame.
    const head = Buffer.from([0x81, 0, 0, 0x80]);
    head.writeInt16BE(index * frameMs, 1);
    return toElement(0xa3, Buffer.concat([head, frame]));
  });
  return Buffer.concat([
    toElement(
      0x1a45dfa3,
      toElement(0x4286, 1),
      toElement(0x42f7, 1),
      toElement(0x42f2, 4),
      toElement(0x42f3, 8),
      toElement(0x4282, "webm"),
      toElement(0x4287, 2),
      toElement(0x4285, 2),
    ),
    toElement(
      0x18538067,
      toElement(
        0x1549a966,
        toElement(0x2ad7b1, 1_000_000), // Times are in milliseconds.
        toElement(0x4489, duration),
        toElement(0x4d80, "runcomfy-sandbox"),
        toElement(0x5741, "runcomfy-sandbox"),
      ),
      toElement(
        0x1654ae6b,
        toElement(
          0xae,
          toElement(0xd7, 1),
          toElement(0x73c5, 1),
          toElement(0x83, 1),
          toElement(0x86, "V_VP8"),
          toElement(0xe0, toElement(0xb0, width), toElement(0xba, height)),
        ),
      ),
      toElement(0x1f43b675, toElement(0xe7, 0), ...blocks),
    ),
  ]);
}

/** Of EBML: an id, a length in eight bytes, and what it holds: a number, a text or other elements. */
function toElement(id: number, ...contents: readonly (Buffer | string | number)[]): Buffer {
  const data = Buffer.concat(
    contents.map((content) =>
      typeof content === "number" ? toBytes(content) : Buffer.from(content),
    ),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(data.length));
  length[0] = 1;
  return Buffer.concat([toBytes(id), length, data]);
}

function toBytes(value: number): Buffer {
  const text = value.toString(16);
  return Buffer.from(text.length % 2 === 0 ? text : `0${text}`, "hex");
}

/** A WAV of one channel, of samples from 0 to 255. */
export function toWav(samples: Uint8Array, samplesPerSecond: number): Buffer {
  const head = Buffer.from("RIFF\0\0\0\0WAVEfmt ".padEnd(36, "\0") + "data\0\0\0\0", "latin1");
  head.writeUInt32LE(samples.length + 36, 4);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(samplesPerSecond, 24);
  head.writeUInt32LE(samplesPerSecond, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}
