import { stat } from "node:fs/promises";
import { resolve } from "node:path";

import type { BaseLogger } from "pino";

import { SetupError } from "../runtime/coded-error.ts";
import { startLoop } from "../runtime/loop.ts";
import { COMMANDS } from "../config/commands.ts";
import type { Admission, Authenticator } from "./authenticator.ts";
import { AuthenticationError, readBearer } from "./authenticator.ts";
import type { StoredKey } from "./api-keys-file.ts";
import { hashSecret, isSecretOf, makeApiKey, parseApiKey, readApiKeys } from "./api-keys-file.ts";
import type { OwnerLimits } from "./viewer.ts";

/** Reads the file again when it changes; while it can't, the former keys go on. Rejects with a `SetupError` at the start. */
export async function openApiKeys(options: {
  readonly file: string;
  readonly limits: OwnerLimits;
  readonly log: Pick<BaseLogger, "info" | "warn" | "error">;
  /** How often to look for a change. */
  readonly pollMs?: number;
}): Promise<Authenticator> {
  const { file, limits, log, pollMs = 500 } = options;
  // Checking an unknown id takes as long as a known one, so that time does not reveal which ids exist.
  const nobody = hashSecret(makeApiKey().secret);
  let known: ReadonlyMap<string, Known> = new Map();
  let mark: string | null = null;
  const closing = new AbortController();

  async function load(): Promise<void> {
    // Taken before the read, so that the next poll sees what changes meanwhile.
    const next = await readMark(file);
    const keys = await readApiKeys(file);
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
        `The API keys file holds no key, so nobody is let in. Make one with: ${COMMANDS.key} create --owner web`,
      );
  }

  function toKnown(stored: StoredKey): Known {
    const viewer = {
      ownerId: stored.owner,
      scopes: new Set(stored.scopes),
      limits: { ...limits, ...stored.limits },
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
    signal: closing.signal,
    firstRestMs: pollMs,
    // A file that can't be used is tried again, as the fault may be the machine's.
    retryMs: pollMs,
    onFailure: (error) => log.error({ reason: toReason(error) }, CANT_BE_USED),
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
    async close() {
      closing.abort();
      await loop.ended;
    },
  };
}

const CANT_BE_USED =
  "The API keys file has changed and can't be used: the former keys go on, and no revocation since takes effect. Correct the file.";

function toReason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

type Known = { readonly stored: StoredKey; readonly admission: Admission };

/** Changes whenever the file does; the text of the error when it can't be read. */
async function readMark(file: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join(" ");
  } catch (error) {
    return String(error);
  }
}
