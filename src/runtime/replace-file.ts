import fs from "node:fs/promises";

import { nullIfMissing } from "./coded-error.ts";

/**
 * Replaces a text file, so that a reader finds either the old or the new one whole. The file keeps its owner, and the bits
 * of its mode that `mostMode` has; a new file gets `mode`.
 */
export async function replaceFile(
  file: string,
  text: string,
  { mode, mostMode }: { readonly mode: number; readonly mostMode: number },
): Promise<void> {
  // A link stays a link: the file it leads to is replaced.
  const path = (await nullIfMissing(fs.realpath(file))) ?? file;
  const next = `${path}-new`;
  // A killed command may have left one that others can read.
  await fs.rm(next, { force: true });
  await fs.writeFile(next, text, { flag: "wx", mode: 0o600, flush: true });
  const former = await nullIfMissing(fs.stat(path));
  // Also when root writes it, the gateway and its group must be able to read it, or miss a change.
  if (former !== null) await fs.chown(next, former.uid, former.gid);
  await fs.chmod(next, former === null ? mode : former.mode & mostMode);
  await fs.rename(next, path);
}
