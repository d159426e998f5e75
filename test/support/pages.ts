import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "..", "..");

/** Every page that people read, by its path in the project. */
export const PAGES: readonly string[] = [
  ...globSync("{,client/,sandbox/}*.md", { cwd: ROOT }),
  ...globSync("docs/**/*.md", { cwd: ROOT }),
].toSorted();

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), "utf8");
}

/** The blocks of a page's chapter in a language, as a reader copies them. */
export function readBlocks(page: string, chapter: string, language: string): readonly string[] {
  const [, text = ""] = readPage(page).split(new RegExp(`^## ${chapter}$`, "m"));
  const [own = ""] = text.split(/^## /m);
  return [...own.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, "gm"))].map(
    ([, block = ""]) => block,
  );
}
