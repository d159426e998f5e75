import { hash, timingSafeEqual } from "node:crypto";
import fs from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { BaseLogger } from "pino";
import { z } from "zod";

import { codeOf, nullIfMissing, SetupError } from "../runtime/coded-error.ts";
import { chance } from "../runtime/environment.ts";
import { startLoop } from "../runtime/loop.ts";
import { replaceFile } from "../runtime/replace-file.ts";
import { COMMANDS } from "../config/commands.ts";
import type { Admission, Authenticator } from "./authenticator.ts";
import { AuthenticationError, readBearer } from "./authenticator.ts";
import type { Grants, OwnerLimits } from "./viewer.ts";
import { isOwnerId, OWNER_LIMITS, OWNER_RULE } from "./viewer.ts";

/** Reads the file again when it changes; while it can't, the former keys go on. Rejects with a `SetupError` at the start. */
export async function openApiKeys(
  options: Grants & {
    readonly file: string;
    readonly limits: OwnerLimits;
    readonly log: Pick<BaseLogger, "info" | "warn" | "error">;
    /** How often to check for a change. */
    readonly pollMs?: number;
  },
): Promise<Authenticator> {
  const { file, limits, credentialLimits, log, pollMs = 500 } = options;
  // Checking an unknown id takes as long as a known one, so that time does not reveal which ids exist.
  const nobody = hashSecret(makeApiKey().secret);
  let known: ReadonlyMap<string, Known> = new Map();
  let mark: string | null = null;

  async function load(): Promise<void> {
    // Taken before the read, so that the next poll sees what changes meanwhile.
    const next = await readMark(file);
    const keys = await readApiKeys(file, options);
    if (keys === null)
      throw new SetupError(
        `The API keys file ${resolve(file)} isn't there. Make it with its first key: ${COMMANDS.key} create --owner web, or correct its path (API_KEYS_FILE).`,
      );
    known = new Map(
      keys.map((stored) => {
        const before = known.get(stored.id);
        // A key that has not changed stays the same object, and so its sockets stay.
        const isSame = JSON.stringify(before?.stored) === JSON.stringify(stored);
        return [stored.id, before !== undefined && isSame ? before : toKnown(stored)];
      }),
    );
    mark = next;
    if (keys.length === 0)
      log.warn(
        { file: resolve(file) },
        `The API keys file holds no key, so nobody is admitted. Create one with: ${COMMANDS.key} create --owner web`,
      );
  }

  function toKnown(stored: StoredKey): Known {
    const ofOwner: Record<string, number | null> = {};
    const ofCredential: Record<string, number> = {};
    for (const [name, limit = null] of Object.entries(stored.limits ?? {}))
      if (limit !== null && Object.hasOwn(credentialLimits, name)) ofCredential[name] = limit;
      else ofOwner[name] = limit;
    const viewer = {
      ownerId: stored.owner,
      scopes: new Set(stored.scopes),
      limits: { ...limits, ...ofOwner },
      credential: {
        id: stored.id,
        signedBy: `${stored.id} ${hash("sha256", JSON.stringify(stored), "base64url")}`,
        needsApproval: stored.approval === "always",
        limits: ofCredential,
      },
    };
    const isRevoked = (): boolean => known.get(stored.id) !== made;
    const made = { stored, admission: { viewer, expiresAt: null, isRevoked } };
    return made;
  }

  await load();
  const loop = startLoop({
    async act() {
      if ((await readMark(file)) === mark) return pollMs;
      await load();
      log.info({ keys: known.size }, "The API keys file has changed and was read again.");
      return pollMs;
    },
    firstRestMs: pollMs,
    // A file that can't be used is tried again, as the fault may be the machine's.
    retryMs: pollMs,
    onFailure: (error) =>
      log.error({ reason: error instanceof Error ? error.message : String(error) }, CANT_BE_USED),
  });

  return {
    async authenticate(authorization) {
      const given = parseApiKey(readBearer(authorization));
      const found = given === null ? undefined : known.get(given.id);
      const isRight = isSecretOf(given?.secret ?? "", found?.stored ?? nobody);
      if (found === undefined || !isRight)
        throw new AuthenticationError(
          "invalid",
          "The API key is unknown or was revoked. Ask the gateway's operator for a new one.",
        );
      return found.admission;
    },
    async restore({ credential: { id, signedBy } }) {
      const admission = known.get(id ?? "")?.admission;
      return admission?.viewer.credential.signedBy === signedBy ? admission : null;
    },
    async isRevoked({ id }) {
      // A gateway that shares the file may have read it before this one.
      if (!known.has(id ?? "")) await load();
      return !known.has(id ?? "");
    },
    close: loop.close,
  };
}

const CANT_BE_USED =
  "The API keys file has changed and can't be used: the former keys go on, and no revocation since takes effect. Correct the file.";

type Known = { readonly stored: StoredKey; readonly admission: Admission };

/** Changes whenever the file does; the text of the error when it can't be read. */
async function readMark(file: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await fs.stat(file, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join(" ");
  } catch (error) {
    return String(error);
  }
}

/** The form of a key's id, as the source of a regular expression without anchors. */
export const KEY_ID = "[A-Za-z0-9]{12,64}";

const FORM = new RegExp(`^rck_(${KEY_ID})_([\\w-]{43})$`);

/** A new key with its parts; the secret has 256 random bits. */
export function makeApiKey() {
  const id = chance.bytes(8).toString("hex");
  const secret = chance.bytes(32).toString("base64url");
  return { key: `rck_${id}_${secret}`, id, secret };
}

/** Null when the text is no key. */
export function parseApiKey(text: string): { readonly id: string; readonly secret: string } | null {
  const [, id, secret] = FORM.exec(text) ?? [];
  return id === undefined || secret === undefined ? null : { id, secret };
}

/** One fast round is enough: nobody guesses 256 random bits, and the hash is made for each request. */
export function hashSecret(secret: string, salt = chance.bytes(16).toString("base64url")) {
  return { salt, hash: hash("sha256", `${salt}${secret}`, "base64url") };
}

/** Whether the secret is the one of the hash, in a time that does not depend on how near it is. */
function isSecretOf(
  secret: string,
  { salt, hash }: { readonly salt: string; readonly hash: string },
): boolean {
  const given = Buffer.from(hashSecret(secret, salt).hash);
  const kept = Buffer.from(hash);
  return given.length === kept.length && timingSafeEqual(given, kept);
}

/** A key as the file has it: all but its secret. */
export type StoredKey = z.infer<ReturnType<typeof toStoredKey>>;

const LIMIT = z.int().min(1, "must be at least 1, or null for no limit").max(1_000_000_000);
/** In US dollars. */
const AMOUNT = z.number().min(0.000_001, "must be above 0; leave it out for no limit").max(1e9);
const BASE64URL = z.string().regex(/^[\w-]+$/, "must be base64url");

const toStoredKey = ({ scopes, credentialLimits }: Grants) =>
  z
    .strictObject({
      id: z.string().regex(new RegExp(`^${KEY_ID}$`), "must be 12 to 64 letters and digits"),
      owner: z.string().refine(isOwnerId, OWNER_RULE),
      scopes: z.array(z.enum(scopes, `must be one of ${scopes.join(", ")}`)).readonly(),
      limits: z
        .strictObject({
          ...toShape(OWNER_LIMITS, LIMIT.nullable()),
          ...toShape(Object.keys(credentialLimits), AMOUNT),
        })
        .readonly()
        .optional(),
      approval: z.literal("always", 'must be "always", or left out').optional(),
      salt: BASE64URL.min(16).max(64),
      hash: BASE64URL.length(43),
      createdAt: z.iso.datetime(),
    })
    .readonly();

const toShape = <Rule extends z.ZodType>(names: readonly string[], rule: Rule) =>
  Object.fromEntries(names.map((name) => [name, z.optional(rule)]));

const toFile = (grants: Grants) =>
  z.strictObject({ keys: z.array(toStoredKey(grants)).max(100_000) });

/** More than anybody reads. */
const MAX_PROBLEMS = 100;
const LOCK_TIMEOUT_MS = 10_000;

/** Reads the file of API keys, which may have no more than `grants`; null when it isn't there. Rejects with a `SetupError`. */
export async function readApiKeys(
  file: string,
  grants: Grants,
): Promise<readonly StoredKey[] | null> {
  // Whole, because nobody sees where a relative path starts.
  const path = resolve(file);
  const text = await nullIfMissing(fs.readFile(path, "utf8")).catch((error: unknown) => {
    throw explain(error, `The API keys file ${path} can't be read`, "who may read it");
  });
  if (text === null) return null;
  const parsed = toFile(grants).safeParse(parseJson(text, path));
  if (parsed.success) return parsed.data.keys;
  const problems = parsed.error.issues
    .slice(0, MAX_PROBLEMS)
    .map(({ path, message }) => `\n  ${z.core.toDotPath(path) || "the file"}: ${message}`);
  throw new SetupError(
    `The API keys file ${path} can't be used; correct it, or revoke and create the keys anew:${problems.join("")}`,
  );
}

/**
 * Changes the file of API keys, which is made if it is missing. Writers take turns, and readers find the file before or
 * after a change. `change` gives the keys to keep. Rejects with a `SetupError`.
 */
export async function changeApiKeys(
  file: string,
  grants: Grants,
  change: (keys: readonly StoredKey[]) => readonly StoredKey[],
): Promise<void> {
  try {
    await fs.mkdir(dirname(resolve(file)), { recursive: true });
    // A process that names the file by a link waits for the same lock.
    const path = (await nullIfMissing(fs.realpath(file))) ?? resolve(file);
    const unlock = lock(path);
    try {
      const keys = change((await readApiKeys(path, grants)) ?? []);
      const text = `${JSON.stringify({ keys }, null, 2)}\n`;
      await replaceFile(path, text, { mode: 0o600, mostMode: 0o640 });
    } finally {
      unlock();
    }
  } catch (error) {
    const what = `The API keys file ${resolve(file)} can't be written`;
    throw explain(error, what, "who may write in its folder");
  }
}

/** The kernel's lock, so a command that was killed leaves none behind; its file `<path>-lock` stays. */
function lock(path: string): () => void {
  const database = new DatabaseSync(`${path}-lock`, { timeout: LOCK_TIMEOUT_MS });
  try {
    database.exec("begin exclusive");
  } catch (cause) {
    database.close();
    throw new SetupError(
      `Another command has been changing ${path} for ${LOCK_TIMEOUT_MS / 1_000} s. Try again when it has ended.`,
      { cause },
    );
  }
  return () => database.close();
}

/** An error of the file system as one that says what to do; any other as it is. */
function explain(error: unknown, what: string, whom: string): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  const step = `Correct its path (API_KEYS_FILE), or ${whom}.`;
  return new SetupError(`${what} (${code}). ${step}`, { cause: error });
}

/** The error has no reason from the parser, which quotes the file. */
function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw new SetupError(
      `The API keys file ${path} is not JSON. Correct it, or put it aside and create the keys anew.`,
    );
  }
}
