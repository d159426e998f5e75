import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { runKeyCommand } from "../../src/auth/key-command.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { GRANTS } from "../support/parts.ts";

/** A path for a file of keys in a folder that isn't there yet, and the command that changes it. */
export async function createApiKeysFile(grants = GRANTS) {
  const file = join(await createTemporaryFolder(), "data", "api-keys.json");
  const run = (...words: readonly string[]) =>
    runKeyCommand(words, { ...grants, file, now: new Date() });
  return {
    file,
    run,
    /** Gives the new key. */
    async create(owner: string, ...words: readonly string[]): Promise<string> {
      const { result } = await run("create", "--owner", owner, ...words);
      return result ?? "";
    },
    async read(): Promise<unknown> {
      return JSON.parse(await readFile(file, "utf8"));
    },
  };
}

/** The id of a key. */
export function idOf(key: string): string {
  return key.split("_")[1] ?? "";
}
