import { mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";

import { ROOT } from "./pages.ts";

/** Gives a folder the packages of this checkout, its workspaces among them, as if they had been installed there. */
export async function linkPackages(folder: string): Promise<void> {
  const target = join(folder, "node_modules");
  await mkdir(target);
  for (const name of await readdir(join(ROOT, "node_modules")))
    await symlink(join(ROOT, "node_modules", name), join(target, name));
}
