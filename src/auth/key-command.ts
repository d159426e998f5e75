import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { kebabCase } from "change-case";

import { SetupError } from "../runtime/coded-error.ts";
import { COMMANDS } from "../config/commands.ts";
import type { StoredKey } from "./api-keys.ts";
import {
  changeApiKeys,
  hashSecret,
  KEY_ID,
  makeApiKey,
  parseApiKey,
  readApiKeys,
} from "./api-keys.ts";
import type { Grants, Scope } from "./viewer.ts";
import { DEFAULT_SCOPES, isOwnerId, isScope, OWNER_LIMITS, OWNER_RULE, SCOPES } from "./viewer.ts";

const toHelp = ({
  scopes,
  credentialLimits,
}: Grants) => `${COMMANDS.key} create --owner web      prints a new key, this once
${COMMANDS.key} list                    shows all keys, without their secrets
${COMMANDS.key} revoke <id>             ends a key and its connections within seconds

create also takes
  --scopes ${DEFAULT_SCOPES.join()}    (these three by default; ${toOthers(scopes)})
  --requests-per-second, --submits-per-minute, --jobs-in-flight, --jobs-per-day, --sockets, --subscriptions,
  --upload-mib-per-day, --open-uploads
                                                a whole number, or none; by default the gateway's own limits hold
${toLimitHelp(credentialLimits)}  --approval always                             each submit waits until another credential approves it
The file is API_KEYS_FILE, of the environment or of .env.`;

/** A line for each limit in US dollars. */
function toLimitHelp(credentialLimits: Grants["credentialLimits"]): string {
  return Object.entries(credentialLimits)
    .map(([name, what]) => `  --${kebabCase(name)} 2.50`.padEnd(48) + `${what}\n`)
    .join("");
}

/** What else a key may have: the approvers' scope, those of parts, and the operators'. */
function toOthers(scopes: readonly Scope[]): string {
  const ofParts = scopes.filter((scope) => !isScope(scope, SCOPES));
  return `also ${["jobs:approve", ...ofParts].join(", ")}; for operators jobs:read:all, operate`;
}

/** What may be a whole key or a part of one, which is never repeated. */
const A_KEY = /rck_/i;
/** US dollars, and no fraction of a microdollar. */
const AN_AMOUNT = /^(?=.*[1-9])\d{1,9}(?:\.\d{1,6})?$/;

/**
 * Does what these words ask of the file of API keys: `result` is what was asked for, `remark` what to know of it. Rejects
 * with an error that says what is wrong with the words and shows how it is done, or with a `SetupError`.
 */
export async function runKeyCommand(
  words: readonly string[],
  { file, now, ...grants }: Grants & { readonly file: string; readonly now: Date },
): Promise<{ readonly result: string | null; readonly remark: string }> {
  const [verb, ...args] = words;
  if (verb === "help" || words.some((word) => word === "--help" || word === "-h"))
    return { result: null, remark: toHelp(grants) };
  try {
    switch (verb) {
      case "create":
        return await create(readNewKey(args, grants), { path: resolve(file), grants, now });
      case "list":
        parseArgs({ args, options: {} });
        return await list(resolve(file), grants);
      case "revoke":
        return await revoke(readId(args), resolve(file), grants);
      case undefined:
        throw new Error("Say what to do: create, list or revoke.");
      default:
        throw new Error(`"${verb}" is none of create, list and revoke.`);
    }
  } catch (cause) {
    if (cause instanceof SetupError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    const reason = A_KEY.test(message)
      ? "A key stands where none belongs: only revoke takes one, by itself."
      : message;
    throw new Error(`${reason}\nUse it like this:\n${toHelp(grants)}`, { cause });
  }
}

type NewKey = Pick<StoredKey, "owner" | "scopes" | "limits" | "approval">;

function readNewKey(args: string[], { scopes: known, credentialLimits }: Grants): NewKey {
  const ofCredentials = Object.keys(credentialLimits);
  const names = ["owner", "scopes", "approval", ...OWNER_LIMITS, ...ofCredentials];
  const options = names.map((name) => [kebabCase(name), { type: "string" }] as const);
  const { values } = parseArgs({ args, options: Object.fromEntries(options) });
  const { owner, scopes: listed = DEFAULT_SCOPES.join(), approval } = values;
  if (owner === undefined) throw new Error("--owner is missing: whose jobs will they be?");
  if (A_KEY.test(owner)) throw new Error(`--owner is a key (${owner}).`);
  if (!isOwnerId(owner)) throw new Error(`--owner ${OWNER_RULE}.`);
  const words = listed.split(/[\s,]+/).filter((word) => word !== "");
  const unknown = words.find((word) => !isScope(word, known));
  if (unknown !== undefined || words.length === 0)
    throw new Error(`--scopes must be a list of ${known.join(", ")}, not "${unknown ?? ""}".`);
  if (approval !== undefined && approval !== "always")
    throw new Error("--approval must be always, or left out.");
  const limits = OWNER_LIMITS.flatMap((name) => {
    const option = kebabCase(name);
    const text = values[option];
    if (text === undefined) return [];
    if (text !== "none" && !/^[1-9]\d{0,8}$/.test(text))
      throw new Error(`--${option} must be a whole number from 1 to 999999999, or none.`);
    return [[name, text === "none" ? null : Number(text)] as const];
  });
  const amounts = ofCredentials.flatMap((name) => {
    const text = values[kebabCase(name)];
    if (text === undefined) return [];
    if (!AN_AMOUNT.test(text))
      throw new Error(`--${kebabCase(name)} must be US dollars above 0, such as 2.50.`);
    return [[name, Number(text)] as const];
  });
  const scopes = known.filter((scope) => words.includes(scope));
  return { owner, scopes, limits: Object.fromEntries([...limits, ...amounts]), approval };
}

/** Takes a whole key too, because a leaked one is all that its finder has. */
function readId(args: string[]): string {
  const { positionals } = parseArgs({ args, options: {}, allowPositionals: true });
  const [text, ...more] = positionals;
  if (text === undefined || more.length > 0)
    throw new Error("revoke takes the id of one key; list shows the ids.");
  const id = parseApiKey(text)?.id ?? text;
  // Not repeated: it may be a mistyped key.
  if (!new RegExp(`^${KEY_ID}$`).test(id))
    throw new Error("That is no key's id; list shows the ids.");
  return id;
}

async function create(
  newKey: NewKey,
  { path, grants, now }: { readonly path: string; readonly grants: Grants; readonly now: Date },
) {
  const { key, id, secret } = makeApiKey();
  const stored = { id, ...newKey, ...hashSecret(secret), createdAt: now.toISOString() };
  const { owner, scopes, approval } = newKey;
  const held =
    approval === undefined
      ? ""
      : " Each of its submits waits until another credential approves it.";
  await changeApiKeys(path, grants, (keys) => [...keys, stored]);
  return {
    result: key,
    remark: `Created key ${id} of owner ${owner} with ${scopes.join(", ")} in ${path}. The key is shown this once; keep it where secrets are kept. A gateway with AUTH=api-keys takes it within seconds.${held}`,
  };
}

async function list(path: string, grants: Grants) {
  const keys = (await readApiKeys(path, grants)) ?? [];
  if (keys.length === 0)
    return { result: null, remark: `${path} holds no key. Make one with create --owner web.` };
  const lines = keys.map(({ id, owner, scopes, limits = {}, approval, createdAt }) => {
    const own = Object.entries({ ...(approval && { approval }), ...limits }).map(
      ([name, value]) => `${name}=${value ?? "none"}`,
    );
    return [id, owner, scopes.join(","), createdAt, ...own].join("  ");
  });
  const headings = "ID  OWNER  SCOPES  CREATED  APPROVAL AND LIMITS OF ITS OWN";
  return { result: [headings, ...lines].join("\n"), remark: `Keys of ${path}: ${keys.length}.` };
}

async function revoke(id: string, path: string, grants: Grants) {
  await changeApiKeys(path, grants, (keys) => {
    const rest = keys.filter((key) => key.id !== id);
    // The id is not repeated: it may be a secret.
    if (rest.length === keys.length)
      throw new SetupError(`${path} holds no such key. See its keys with list.`);
    return rest;
  });
  const remark = `Revoked key ${id}. A running gateway refuses it, and ends its connections, within seconds.`;
  return { result: null, remark };
}
