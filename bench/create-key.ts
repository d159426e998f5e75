import { runKeyCommand } from "../src/auth/key-command.ts";

/** Adds an API key of this owner, with all scopes for its own, to the file, which is made where there is none. */
export async function createKey(file: string, ownerId: string): Promise<string> {
  const scopes = "jobs:submit,jobs:cancel,jobs:read,webhooks";
  const words = ["create", "--owner", ownerId, "--scopes", scopes];
  const { result } = await runKeyCommand(words, { file, now: new Date() });
  return result ?? "";
}
