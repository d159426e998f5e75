import { codeOf } from "../runtime/error-code.ts";
import { FileStoreError } from "./file-store.ts";

/** Does something in a folder; whatever fails rejects with a `FileStoreError` that names the folder. */
export async function onDisk<T>(folder: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw toDiskError(folder, error);
  }
}

export function toDiskError(folder: string, error: unknown): FileStoreError {
  return new FileStoreError(`The folder ${folder} ${explain(codeOf(error))}`, { cause: error });
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
