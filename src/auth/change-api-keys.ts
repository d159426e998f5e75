import { chmod, chown, mkdir, open, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { StoredKey } from "./read-api-keys.ts";
import { ApiKeysError, readApiKeys } from "./read-api-keys.ts";

const LOCK_TIMEOUT_MS = 10_000;

/**
 * Changes the file of API keys, which is made if it is missing: one writer at a time, and whoever reads finds the file of
 * before or the one of after. `change` gives the keys to keep. Rejects with an `ApiKeysError`.
 */
export async function changeApiKeys(
  file: string,
  change: (keys: readonly StoredKey[]) => readonly StoredKey[],
): Promise<void> {
  try {
    const path = await findPlace(resolve(file));
    const unlock = lock(path);
    try {
      await replace(path, change((await readApiKeys(path)) ?? []));
    } finally {
      unlock();
    }
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause)) throw cause;
    throw new ApiKeysError(
      `The API keys file ${resolve(file)} can't be written (${String(cause.code)}). Correct its path (API_KEYS_FILE), or who may write in its folder.`,
      { cause },
    );
  }
}

/** Where the file is or will be, in a folder that is there. A link stays one: what it points to is made or replaced. */
async function findPlace(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const place = await unlessMissing(realpath(path));
  if (place !== null) return place;
  const target = await unlessMissing(readlink(path));
  // Links that lead in a circle have ended above, with ELOOP.
  return target === null ? path : await findPlace(resolve(await realpath(dirname(path)), target));
}

/** The lock is the kernel's, so a command that was killed leaves none behind; its file `<path>-lock` stays. */
function lock(path: string): () => void {
  const database = new DatabaseSync(`${path}-lock`, { timeout: LOCK_TIMEOUT_MS });
  try {
    database.exec("begin exclusive");
  } catch (cause) {
    database.close();
    throw new ApiKeysError(
      `Another command has been changing ${path} for ${LOCK_TIMEOUT_MS / 1_000} s. Try again when it has ended.`,
      { cause },
    );
  }
  return () => database.close();
}

async function replace(path: string, keys: readonly StoredKey[]): Promise<void> {
  const next = `${path}-new`;
  // One that a killed command left may be readable by others.
  await rm(next, { force: true });
  const handle = await open(next, "wx", 0o600);
  try {
    await handle.writeFile(`${JSON.stringify({ keys }, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  // Written by root, it must stay readable by the gateway, by its group too, or it would not hear of a revocation.
  const former = await unlessMissing(stat(path));
  if (former !== null) {
    await chown(next, former.uid, former.gid);
    await chmod(next, former.mode & 0o640);
  }
  await rename(next, path);
}

/** Null where there is no such file. */
async function unlessMissing<T>(attempt: Promise<T>): Promise<T | null> {
  try {
    return await attempt;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
