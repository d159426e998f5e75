import { parseArgs } from "node:util";

import { KEY_ID, parseApiKey } from "./api-key.ts";
import { isOwnerId, OWNER_RULE } from "./owner.ts";
import type { StoredKey } from "./read-api-keys.ts";
import { isScope } from "./scopes.ts";
import type { Scope } from "./viewer.ts";
import { SCOPES } from "./viewer.ts";

/** What somebody asked of the API keys' file. */
export type KeyCommand =
  | { readonly kind: "help" }
  | {
      readonly kind: "create";
      readonly owner: string;
      readonly scopes: readonly Scope[];
      readonly limits: NonNullable<StoredKey["limits"]>;
    }
  | { readonly kind: "list" }
  | { readonly kind: "revoke"; readonly id: string };

/** How the command is used. */
export const KEY_COMMAND_HELP = `npm run --silent key -- create --owner web      prints a new key, this once
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
const TEXT = { type: "string" } as const;
const LIMIT_OPTIONS = {
  "requests-per-second": TEXT,
  "submits-per-minute": TEXT,
  "jobs-in-flight": TEXT,
  "jobs-per-day": TEXT,
  sockets: TEXT,
  subscriptions: TEXT,
} as const;
const CREATE_OPTIONS = { owner: TEXT, scopes: TEXT, ...LIMIT_OPTIONS } as const;

/** Throws an error that says what is wrong and shows how it is done. */
export function readKeyCommand(parameters: readonly string[]): KeyCommand {
  try {
    return parse(parameters);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const reason = A_KEY.test(message)
      ? "A key stands where none belongs: only revoke takes one, by itself."
      : message;
    throw new Error(`${reason}\nUse it like this:\n${KEY_COMMAND_HELP}`, { cause });
  }
}

function parse(parameters: readonly string[]): KeyCommand {
  if (parameters.some((word) => word === "--help" || word === "-h")) return { kind: "help" };
  const [verb, ...rest] = parameters;
  switch (verb) {
    case "help":
      return { kind: "help" };
    case "create":
      return parseCreate(rest);
    case "list":
      parseArgs({ args: rest, options: {} });
      return { kind: "list" };
    case "revoke":
      return parseRevoke(rest);
    case undefined:
      throw new Error("Say what to do: create, list or revoke.");
    default:
      throw new Error(`"${verb}" is none of create, list and revoke.`);
  }
}

function parseCreate(args: string[]): KeyCommand {
  const { values, tokens } = parseArgs({ args, options: CREATE_OPTIONS, tokens: true });
  const names = tokens.flatMap((token) => (token.kind === "option" ? [token.name] : []));
  const twice = names.find((name, place) => names.indexOf(name) < place);
  // The last one would win, and a scope or a limit would be lost in silence.
  if (twice !== undefined) throw new Error(`--${twice} is given twice. Give it once.`);
  const { owner, scopes } = values;
  if (owner === undefined) throw new Error("--owner is missing: whose jobs will they be?");
  if (A_KEY.test(owner)) throw new Error(`--owner is a key (${owner}).`);
  if (!isOwnerId(owner)) throw new Error(`--owner ${OWNER_RULE}.`);
  return {
    kind: "create",
    owner,
    scopes: scopes === undefined ? DEFAULT_SCOPES : toScopes(scopes),
    limits: {
      ...toLimit("requestsPerSecond", "requests-per-second", values),
      ...toLimit("submitsPerMinute", "submits-per-minute", values),
      ...toLimit("jobsInFlight", "jobs-in-flight", values),
      ...toLimit("jobsPerDay", "jobs-per-day", values),
      ...toLimit("sockets", "sockets", values),
      ...toLimit("subscriptions", "subscriptions", values),
    },
  };
}

function toScopes(text: string): readonly Scope[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  const unknown = words.find((word) => !isScope(word));
  if (unknown !== undefined || words.length === 0)
    throw new Error(`--scopes must be a list of ${SCOPES.join(", ")}, not "${unknown ?? ""}".`);
  return SCOPES.filter((scope) => words.includes(scope));
}

function toLimit(
  name: keyof NonNullable<StoredKey["limits"]>,
  option: keyof typeof LIMIT_OPTIONS,
  values: { readonly [Option in keyof typeof LIMIT_OPTIONS]?: string | undefined },
) {
  const text = values[option];
  if (text === undefined) return {};
  if (text === "none") return { [name]: null };
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new Error(`--${option} must be a whole number from 1 to 999999999, or none.`);
  return { [name]: Number(text) };
}

/** Who has found a key that has got out has the whole of it, so that is fine too. */
function parseRevoke(args: string[]): KeyCommand {
  const { positionals } = parseArgs({ args, options: {}, allowPositionals: true });
  const [text, ...more] = positionals;
  if (text === undefined || more.length > 0)
    throw new Error("revoke takes the id of one key; list shows the ids.");
  const id = parseApiKey(text)?.id ?? text;
  // Not repeated: it may be a key with a slip in it.
  if (!new RegExp(`^${KEY_ID}$`).test(id))
    throw new Error(
      "revoke takes the id of a key, 12 or more letters and digits; list shows the ids.",
    );
  return { kind: "revoke", id };
}
