import { mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";

import { ROOT } from "./pages.ts";

/** Gives a folder the packages of this checkout, and this one itself, as if it had been installed there. */
export async function linkPackages(folder: string): Promise<void> {
  const target = join(folder, "node_modules");
  await mkdir(target);
  for (const name of await readdir(join(ROOT, "node_modules")))
    await symlink(join(ROOT, "node_modules", name), join(target, name));
  await symlink(ROOT, join(target, "runcomfy-graphql"));
}
