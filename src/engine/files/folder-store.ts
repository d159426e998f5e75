import { access, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { nullIfMissing } from "../../runtime/coded-error.ts";
import { clock } from "../../runtime/environment.ts";
import { checkFileName, type FileStore, onDisk, writeDraft } from "./file-store.ts";

const DRAFT_LIFE_MS = 24 * 60 * 60_000;

/** Files in a folder, which is made where it does not exist. Drafts are in a folder of it, because a rename can't cross disks. */
export async function openFolderStore(folder: string): Promise<FileStore> {
  const drafts = join(folder, ".drafts");
  const toPath = (name: string): string => join(folder, checkFileName(name));
  await onDisk(folder, async () => {
    await mkdir(drafts, { recursive: true, mode: 0o700 });
    await removeOldDrafts(drafts);
  });
  return {
    async draft(bytes, { mostBytes }) {
      const draft = await writeDraft({ folder: drafts, bytes, mostBytes });
      return {
        ...draft,
        async keepAs(name) {
          const path = toPath(name);
          await onDisk(folder, async () => {
            await sync(draft.path);
            await rename(draft.path, path);
            await sync(folder);
          });
        },
      };
    },
    async open(name, range) {
      const path = toPath(name);
      const file = await onDisk(folder, () => nullIfLost(open(path)));
      const { from: start = 0, to: end = Infinity } = range ?? {};
      return file?.createReadStream({ start, end }) ?? null;
    },
    async size(name) {
      const path = toPath(name);
      const found = await onDisk(folder, () => nullIfLost(stat(path)));
      return found?.size ?? null;
    },
    async delete(name) {
      const path = toPath(name);
      await onDisk(folder, () => rm(path, { force: true }));
    },
    presign: null,
    close: async () => undefined,
  };

  async function nullIfLost<T>(promise: Promise<T>): Promise<T | null> {
    const found = await nullIfMissing(promise);
    // A disk that is not mounted has lost no file.
    if (found === null) await access(drafts);
    return found;
  }
}

/** A gateway that was killed leaves drafts behind; those of others that run are younger. */
async function removeOldDrafts(drafts: string): Promise<void> {
  for (const name of await readdir(drafts)) {
    const path = join(drafts, name);
    const found = await nullIfMissing(stat(path));
    if (found !== null && clock.now() - found.mtimeMs > DRAFT_LIFE_MS)
      await rm(path, { force: true });
  }
}

/** Waits until the bytes of a file, or the names in a folder, survive a power loss. */
async function sync(path: string): Promise<void> {
  await using file = await open(path);
  await file.sync();
}
