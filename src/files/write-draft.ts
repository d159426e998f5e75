import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

import { onDisk, toDiskError } from "./disk-error.ts";
import { type Draft, FileTooLargeError } from "./file-store.ts";

/** What waits in memory for the disk; with less, each chunk would be a write of its own. */
const BUFFER_BYTES = 262_144;

/** Writes a stream to a new file of a folder, with the promises of `FileStore.draft`. Disposing of it deletes the file. */
export async function writeDraft(options: {
  readonly folder: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly mostBytes: number;
}): Promise<Omit<Draft, "keepAs">> {
  const { folder, mostBytes } = options;
  const path = join(folder, randomUUID());
  const discard = () => onDisk(folder, () => rm(path, { force: true }));
  let bytes = 0;
  let isOfStream = false;

  async function* count(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of options.bytes) {
        bytes += chunk.byteLength;
        if (bytes > mostBytes) throw new FileTooLargeError(mostBytes);
        yield chunk;
      }
    } catch (error) {
      isOfStream = true;
      throw error;
    }
  }

  const file = createWriteStream(path, {
    flags: "wx",
    mode: 0o600,
    highWaterMark: BUFFER_BYTES,
  });
  try {
    await pipeline(count, file);
  } catch (error) {
    // A file that is still being opened would appear after it was deleted.
    if (!file.closed) await new Promise<void>((resolve) => file.once("close", () => resolve()));
    await discard();
    throw isOfStream ? error : toDiskError(folder, error);
  }
  return { path, bytes, [Symbol.asyncDispose]: discard };
}
