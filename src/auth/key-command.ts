import { resolve } from "node:path";
import { parseArgs } from "node:util";

import type { StoredKey } from "./api-keys-file.ts";
import {
  ApiKeysError,
  changeApiKeys,
  formatApiKey,
  hashSecret,
  KEY_ID,
  makeApiKey,
  parseApiKey,
  readApiKeys,
} from "./api-keys-file.ts";
import type { Scope } from "./viewer.ts";
import { isOwnerId, isScope, OWNER_LIMITS, OWNER_RULE, SCOPES } from "./viewer.ts";

/** What was asked for, and what to know of it. */
type Outcome = { readonly result: string | null; readonly remark: string };

const HELP = `npm run --silent key -- create --owner web      prints a new key, this once
npm run --silent key -- list                    shows all keys, without their secrets
npm run --silent key -- revoke <id>             ends a key and its connections within seconds

create also takes
  --scopes jobs:submit,jobs:cancel,jobs:read    (these three unless given; jobs:read:all is an operator's)
  --requests-per-second, --submits-per-minute, --jobs-in-flight, --jobs-per-day, --sockets, --subscriptions
                                                a whole number, or none; unless given, the gateway's own limits hold
The file is API_KEYS_FILE, of the environment or of .env.`;

const DEFAULT_SCOPES: readonly Scope[] = ["jobs:submit", "jobs:cancel", "jobs:read"];
/** What may be a whole key or a part of one, which is never repeated. */
const A_KEY = /rck_/i;

/**
 * Does what these words ask of the file of API keys. Rejects with an error that says what is wrong with them and shows how
 * it is done, or with an `ApiKeysError`.
 */
export async function runKeyCommand(
  words: readonly string[],
  { file, now }: { readonly file: string; readonly now: Date },
): Promise<Outcome> {
  const [verb, ...rest] = words;
  if (verb === "help" || words.some((word) => word === "--help" || word === "-h"))
    return { result: null, remark: HELP };
  try {
    switch (verb) {
      case "create":
        return await create(readNewKey(rest), file, now);
      case "list":
        parseArgs({ args: rest, options: {} });
        return await list(file);
      case "revoke":
        return await revoke(readId(rest), file);
      case undefined:
        throw new Error("Say what to do: create, list or revoke.");
      default:
        throw new Error(`"${verb}" is none of create, list and revoke.`);
    }
  } catch (cause) {
    if (cause instanceof ApiKeysError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    const reason = A_KEY.test(message)
      ? "A key stands where none belongs: only revoke takes one, by itself."
      : message;
    throw new Error(`${reason}\nUse it like this:\n${HELP}`, { cause });
  }
}

/** The options of create: several of one are taken, to be refused. */
const CREATE_OPTIONS = Object.fromEntries(
  ["owner", "scopes", ...OWNER_LIMITS.map(toOption)].map(
    (name) => [name, { type: "string", multiple: true }] as const,
  ),
);

/** As in `--jobs-per-day`. */
function toOption(limit: string): string {
  return limit.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

type NewKey = Pick<StoredKey, "owner" | "scopes" | "limits">;

function readNewKey(args: string[]): NewKey {
  const { values } = parseArgs({ args, options: CREATE_OPTIONS });
  function read(name: string): string | undefined {
    const [value, second] = values[name] ?? [];
    // The last one would win, and a scope or a limit would be lost in silence.
    if (second !== undefined) throw new Error(`--${name} is given twice. Give it once.`);
    return value;
  }
  const owner = read("owner");
  if (owner === undefined) throw new Error("--owner is missing: whose jobs will they be?");
  if (A_KEY.test(owner)) throw new Error(`--owner is a key (${owner}).`);
  if (!isOwnerId(owner)) throw new Error(`--owner ${OWNER_RULE}.`);
  const limits = OWNER_LIMITS.map(
    (name) => [name, toLimit(toOption(name), read(toOption(name)))] as const,
  );
  return {
    owner,
    scopes: toScopes(read("scopes")),
    limits: Object.fromEntries(limits.filter(([, limit]) => limit !== undefined)),
  };
}

function toScopes(text: string | undefined): readonly Scope[] {
  if (text === undefined) return DEFAULT_SCOPES;
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  const unknown = words.find((word) => !isScope(word));
  if (unknown !== undefined || words.length === 0)
    throw new Error(`--scopes must be a list of ${SCOPES.join(", ")}, not "${unknown ?? ""}".`);
  return SCOPES.filter((scope) => words.includes(scope));
}

function toLimit(option: string, text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined;
  if (text === "none") return null;
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new Error(`--${option} must be a whole number from 1 to 999999999, or none.`);
  return Number(text);
}

/** Who has found a key that has got out has the whole of it, so that is fine too. */
function readId(args: string[]): string {
  const { positionals } = parseArgs({ args, options: {}, allowPositionals: true });
  const [text, ...more] = positionals;
  if (text === undefined || more.length > 0)
    throw new Error("revoke takes the id of one key; list shows the ids.");
  const id = parseApiKey(text)?.id ?? text;
  // Not repeated: it may be a key with a slip in it.
  if (!new RegExp(`^${KEY_ID}$`).test(id))
    throw new Error("That is no key's id; list shows the ids.");
  return id;
}

async function create(
  { owner, scopes, limits }: NewKey,
  file: string,
  now: Date,
): Promise<Outcome> {
  const key = makeApiKey();
  const stored: StoredKey = {
    id: key.id,
    owner,
    scopes,
    limits,
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
