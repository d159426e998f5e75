import { runKeyCommand } from "../src/auth/key-command.ts";

/** Adds an API key of this owner to the file, which is made where there is none. */
export async function createKey(file: string, ownerId: string): Promise<string> {
  const words = ["create", "--owner", ownerId];
  const { result } = await runKeyCommand(words, { file, now: new Date() });
  return result ?? "";
}
