import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { z } from "zod";

import { KEY_ID } from "./api-key.ts";
import { isOwnerId, OWNER_RULE } from "./owner.ts";
import { SCOPES } from "./viewer.ts";

/** A key as the file has it: all but its secret. */
export type StoredKey = z.infer<typeof STORED_KEY>;

/** The file can't be used; the text lists every problem and tells the next step. */
export class ApiKeysError extends Error {
  override readonly name = "ApiKeysError";
}

const LIMIT = z
  .int()
  .min(1, "must be at least 1, or null for no limit")
  .max(1_000_000_000)
  .nullable()
  .optional();

const BASE64URL = /^[\w-]+$/;

const STORED_KEY = z
  .strictObject({
    id: z.string().regex(new RegExp(`^${KEY_ID}$`), "must be 12 to 64 letters and digits"),
    owner: z.string().refine(isOwnerId, OWNER_RULE),
    scopes: z.array(z.enum(SCOPES, `must be one of ${SCOPES.join(", ")}`)).readonly(),
    limits: z
      .strictObject({
        requestsPerSecond: LIMIT,
        submitsPerMinute: LIMIT,
        jobsInFlight: LIMIT,
        jobsPerDay: LIMIT,
        sockets: LIMIT,
        subscriptions: LIMIT,
      })
      .readonly()
      .optional(),
    salt: z.string().regex(BASE64URL, "must be base64url").min(16).max(64),
    hash: z.string().regex(BASE64URL, "must be base64url").length(43),
    createdAt: z.iso.datetime(),
  })
  .readonly();

const FILE = z.strictObject({ keys: z.array(STORED_KEY).max(100_000) });

/** As many as anybody reads. */
const MOST_PROBLEMS = 100;

/** Reads the file of API keys; null when it isn't there. Rejects with an `ApiKeysError`. */
export async function readApiKeys(file: string): Promise<readonly StoredKey[] | null> {
  // Whole in messages: of a relative one nobody sees where it starts.
  const path = resolve(file);
  const text = await readText(path);
  if (text === null) return null;
  const parsed = FILE.safeParse(parseJson(text, path));
  const problems = parsed.success ? findTwice(parsed.data.keys) : toProblems(parsed.error);
  if (parsed.success && problems.length === 0) return parsed.data.keys;
  const hidden = problems.length - MOST_PROBLEMS;
  throw new ApiKeysError(
    [
      `The API keys file ${path} can't be used; correct it, or revoke and create the keys anew:`,
      ...problems.slice(0, MOST_PROBLEMS).map((problem) => `  ${problem}`),
      ...(hidden > 0 ? [`  … and ${hidden} more`] : []),
    ].join("\n"),
  );
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    if (code === "ENOENT") return null;
    throw new ApiKeysError(
      `The API keys file ${path} can't be read (${code}). Correct its path (API_KEYS_FILE), or who may read it.`,
      { cause },
    );
  }
}

/** Without the parser's reason, which quotes the file, and without the file. */
function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw new ApiKeysError(
      `The API keys file ${path} is not JSON. Correct it, or put it aside and create the keys anew.`,
    );
  }
}

function toProblems({ issues }: z.ZodError): readonly string[] {
  return issues.map(({ path, message }) => `${z.core.toDotPath(path) || "the file"}: ${message}`);
}

function findTwice(keys: readonly StoredKey[]): readonly string[] {
  const seen = new Set<string>();
  return keys.flatMap(({ id }, place) => {
    if (seen.has(id)) return [`keys[${place}].id: "${id}" is listed twice`];
    seen.add(id);
    return [];
  });
}
