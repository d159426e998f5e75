import { open, rm } from "node:fs/promises";
import { join } from "node:path";

import { codeOf } from "../runtime/coded-error.ts";
import { chance } from "../runtime/environment.ts";
import { type Draft, FileStoreError, FileTooLargeError } from "./file-store.ts";

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
