import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { KeyCommand } from "../../src/auth/key-command.ts";
import { readKeyCommand } from "../../src/auth/key-command.ts";
import { runKeyCommand } from "../../src/auth/run-key-command.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

/** A path for a file of keys in a folder that isn't there yet, and the command that changes it. */
export async function createApiKeysFile() {
  const file = join(await createTemporaryFolder(), "data", "api-keys.json");
  const run = (command: KeyCommand) => runKeyCommand(command, { file, now: new Date() });
  return {
    file,
    run: (...parameters: readonly string[]) => run(readKeyCommand(parameters)),
    /** Gives the new key. */
    async create(owner: string, ...parameters: readonly string[]): Promise<string> {
      const { result } = await run(readKeyCommand(["create", "--owner", owner, ...parameters]));
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
