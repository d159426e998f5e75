import { runKeyCommand } from "../src/auth/key-command.ts";
import { grantsOf, loadParts } from "../src/parts.ts";

/** Adds an API key of this owner, with all scopes for its own, to the file, which is made where there is none. */
export async function createKey(file: string, ownerId: string): Promise<string> {
  const grants = grantsOf(await loadParts());
  const own = grants.scopes.filter((scope) => scope !== "jobs:read:all" && scope !== "operate");
  const words = ["create", "--owner", ownerId, "--scopes", own.join()];
  const { result } = await runKeyCommand(words, { ...grants, file, now: new Date() });
  return result ?? "";
}
