import { globSync } from "node:fs";
import { join } from "node:path";

const TESTS = join(import.meta.dirname, "..");

/**
 * What the files of this name in `test/parts/*` export. By them each part adds to tests that are of all parts, which name
 * none: what it adds goes with its folder.
 */
export async function loadFromParts<Module>(file: string): Promise<readonly Module[]> {
  const paths = globSync(`parts/*/${file}`, { cwd: TESTS }).toSorted();
  return await Promise.all(paths.map((path) => import(join(TESTS, path))));
}
