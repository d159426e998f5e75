import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";

import { codeOf } from "../../runtime/coded-error.ts";
import { chance } from "../../runtime/environment.ts";

/**
 * Where files live: a folder or an S3 bucket. A name is 1 to 128 letters, digits, `-`, `_` and `.`, beginning with a letter
 * or digit. Whatever fails rejects with a `FileStoreError`.
 */
export type FileStore = {
  /**
   * Writes a stream where no name leads to it, so that it can be detected before anybody may read it. Rejects with a
   * `FileTooLargeError` at the first byte above `mostBytes`, and with the stream's own error; then nothing is left.
   */
  draft(bytes: AsyncIterable<Uint8Array>, options: { readonly mostBytes: number }): Promise<Draft>;
  /** Null when there is no file of this name. The caller reads the stream to its end or destroys it. */
  open(name: string, range?: ByteRange): Promise<Readable | null>;
  /** Resolves with the size in bytes, or null when there is no file of this name. */
  size(name: string): Promise<number | null>;
  /** Does nothing when there is no file of this name. */
  delete(name: string): Promise<void>;
  /** Where anybody may read the file for so long without asking the gateway; null where only the gateway can read it. */
  readonly presign: ((name: string, options: PresignOptions) => Promise<string>) | null;
  /** Ends what is under way. */
  close(): Promise<void>;
};

/** A whole file without a name. Disposing of it deletes it, unless it was kept. */
export type Draft = AsyncDisposable & {
  /** Where the draft is on the local disk. */
  readonly path: string;
  readonly bytes: number;
  /** Gives the file its name, under which it appears at once and whole; another one of that name is replaced. */
  keepAs(name: string, contentType: string): Promise<void>;
};

/** Both ends are included, as in HTTP; the file has them. */
export type ByteRange = { readonly from: number; readonly to: number };

type PresignOptions = {
  readonly expiresInSeconds: number;
  /** What the answer is to have as its headers. */
  readonly contentType: string;
  readonly contentDisposition: string;
};

/** The store can't be used; the text says why and what the operator can do, and holds no credential. */
export class FileStoreError extends Error {
  override readonly name = "FileStoreError";
}

export class FileTooLargeError extends Error {
  override readonly name = "FileTooLargeError";
  readonly mostBytes: number;

  constructor(mostBytes: number) {
    super(`The file is larger than ${mostBytes} bytes. Make it smaller.`);
    this.mostBytes = mostBytes;
  }
}

/** Gives back a name that the gateway chose. Throws where it could lead out of its folder. */
export function checkFileName(name: string): string {
  if (/^[A-Za-z\d][\w.-]{0,127}$/.test(name)) return name;
  throw new RangeError(
    `${JSON.stringify(name)} can't name a file. Use 1 to 128 letters, digits, "-", "_" and ".", beginning with a letter or digit.`,
  );
}

/** Writes a stream to a new file of a folder, with the promises of `FileStore.draft`. Disposing of it deletes the file. */
export async function writeDraft(options: {
  readonly folder: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly mostBytes: number;
}): Promise<Omit<Draft, "keepAs">> {
  const { folder, mostBytes } = options;
  const path = join(folder, chance.uuid());
  const discard = () => onDisk(folder, () => rm(path, { force: true }));
  const file = await onDisk(folder, () => open(path, "wx", 0o600));
  let bytes = 0;
  try {
    for await (const chunk of options.bytes) {
      bytes += chunk.byteLength;
      if (bytes > mostBytes) throw new FileTooLargeError(mostBytes);
      await onDisk(folder, () => file.appendFile(chunk));
    }
    await onDisk(folder, () => file.close());
  } catch (error) {
    await file.close().catch(() => undefined);
    await discard();
    throw error;
  }
  return { path, bytes, [Symbol.asyncDispose]: discard };
}

/** Does something in a folder; whatever fails rejects with a `FileStoreError` that names the folder. */
export async function onDisk<T>(folder: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw new FileStoreError(`The folder ${folder} ${explain(codeOf(error))}`, { cause: error });
  }
}

function explain(code: unknown): string {
  switch (code) {
    case "ENOENT":
      return "is gone. Mount or restore it.";
    case "ENOTDIR":
    case "EEXIST":
      return "lies below a file, where no folder can be. Name another folder.";
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "can't be written. Let the gateway's user write to it, or name another folder.";
    case "ENOSPC":
    case "EDQUOT":
      return "is on a full disk. Free some space; the files that are there are safe.";
    case "EMFILE":
    case "ENFILE":
      return "has more files open than the system allows. Raise its limit (ulimit -n).";
    default:
      return "can't be used. Check the disk it is on.";
  }
}
