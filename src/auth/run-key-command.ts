import { resolve } from "node:path";

import { formatApiKey, hashSecret, makeApiKey } from "./api-key.ts";
import { changeApiKeys } from "./change-api-keys.ts";
import type { KeyCommand } from "./key-command.ts";
import { KEY_COMMAND_HELP } from "./key-command.ts";
import type { StoredKey } from "./read-api-keys.ts";
import { ApiKeysError, readApiKeys } from "./read-api-keys.ts";

/** What was asked for, and what to know of it. */
type Outcome = { readonly result: string | null; readonly remark: string };

/** Does what was asked of the file of API keys. Rejects with an `ApiKeysError`. */
export async function runKeyCommand(
  command: KeyCommand,
  { file, now }: { readonly file: string; readonly now: Date },
): Promise<Outcome> {
  switch (command.kind) {
    case "help":
      return { result: null, remark: KEY_COMMAND_HELP };
    case "create":
      return await create(command, file, now);
    case "list":
      return await list(file);
    case "revoke":
      return await revoke(command.id, file);
  }
}

async function create(
  { owner, scopes, limits }: Extract<KeyCommand, { kind: "create" }>,
  file: string,
  now: Date,
): Promise<Outcome> {
  const key = makeApiKey();
  const stored: StoredKey = {
    id: key.id,
    owner,
    scopes,
    ...(Object.keys(limits).length > 0 && { limits }),
    ...hashSecret(key.secret),
    createdAt: now.toISOString(),
  };
  await changeApiKeys(file, (keys) => [...keys, stored]);
  return {
    result: formatApiKey(key),
    remark: `Created key ${key.id} of owner ${owner} with ${scopes.join(", ")} in ${resolve(file)}. The key is shown this once; keep it where secrets are kept. A gateway with AUTH=api-keys takes it within seconds.`,
  };
}

async function list(file: string): Promise<Outcome> {
  const keys = await readApiKeys(file);
  const path = resolve(file);
  if (keys === null || keys.length === 0)
    return { result: null, remark: `${path} holds no key. Make one with create --owner web.` };
  return { result: keys.map(describe).join("\n"), remark: `Keys of ${path}: ${keys.length}.` };
}

function describe({ id, owner, scopes, limits = {}, createdAt }: StoredKey): string {
  const own = Object.entries(limits).map(([name, value]) => `${name}=${value ?? "none"}`);
  return [id, owner, scopes.join(","), createdAt, ...own].join("  ");
}

async function revoke(id: string, file: string): Promise<Outcome> {
  await changeApiKeys(file, (keys) => {
    const rest = keys.filter((key) => key.id !== id);
    if (rest.length === keys.length)
      // The id is not repeated: it may be a secret.
      throw new ApiKeysError(`${resolve(file)} holds no such key. See its keys with list.`);
    return rest;
  });
  return {
    result: null,
    remark: `Revoked key ${id}. A running gateway refuses it, and ends its connections, within seconds.`,
  };
}
