import { readKeyCommand } from "../../src/auth/key-command.ts";
import { runKeyCommand } from "../../src/auth/run-key-command.ts";

/** Adds an API key of this owner to the file, which is made where there is none. */
export async function createKey(file: string, ownerId: string): Promise<string> {
  const command = readKeyCommand(["create", "--owner", ownerId]);
  const { result } = await runKeyCommand(command, { file, now: new Date() });
  return result ?? "";
}
