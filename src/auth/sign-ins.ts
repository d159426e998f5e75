import { createHmac, hash, timingSafeEqual } from "node:crypto";

import { LRUCache } from "lru-cache";

import { CodedError } from "../runtime/coded-error.ts";
import { chance, clock } from "../runtime/environment.ts";
import { type sleepFor, startLoop } from "../runtime/loop.ts";
import type { Admission, Authenticator, Claims, Sessions } from "./authenticator.ts";
import { AuthenticationError } from "./authenticator.ts";

/** A sign-in as the database has it: neither what the browser shows, nor what was signed in with. */
export type SignIn = Claims & {
  /** Of the random id that the browser shows. */
  readonly hash: string;
  /** Milliseconds since 1970. */
  readonly endsAt: number;
};

/** Where sign-ins are. */
export type SignInRows = {
  /** Adds one; of the owner's, the oldest go that would be more than `most`. Resolves with the hashes of those. */
  open(signIn: SignIn, most: number): Promise<readonly string[]>;
  /** Null when it has ended. */
  find(hash: string): Promise<SignIn | null>;
  /** Those of the hashes that have not ended. */
  listOpen(hashes: readonly string[]): Promise<readonly string[]>;
  end(hash: string): Promise<void>;
};

const MAX_LIFE_MS = 30 * 86_400_000;
const MAX_PER_OWNER = 20;
/** Together with the 500 ms of `Sessions` it stays well below the 2 s in which a sign-out holds on every gateway. */
const POLL_MS = 700;
const MAX_KEPT = 10_000;

export type SignIns = ReturnType<typeof createSignIns>;

/** Admits browsers that have shown a credential once. The database is asked again about those it has admitted. */
export function createSignIns(options: {
  readonly rows: SignInRows;
  /** All gateways of a database have the same one. */
  readonly key: string;
  readonly authenticator: Pick<Authenticator, "restore">;
  readonly sessions: Pick<Sessions, "admissions" | "findEnd">;
  readonly sleep?: typeof sleepFor;
}) {
  const { rows, key, authenticator, sessions, sleep } = options;
  const found = new LRUCache<string, Promise<Admission>>({
    max: MAX_KEPT,
    ttl: POLL_MS,
    ttlResolution: 0,
    perf: { now: clock.monotonic },
  });
  /** None of them comes back. */
  const ended = new LRUCache<string, true>({ max: MAX_KEPT });
  const hashes = new WeakMap<Admission, string>();

  function toShown(id: string): string {
    return `${id}.${createHmac("sha256", key).update(`sign-in\n${id}`).digest("base64url")}`;
  }

  /** The hash of the id; null for what no gateway has made, so that a stranger's cookie costs no statement. */
  function toHash(shown: string): string | null {
    const [id = ""] = shown.split(".", 1);
    const [given, expected] = [Buffer.from(shown), Buffer.from(toShown(id))];
    const isOurs = given.length === expected.length && timingSafeEqual(given, expected);
    return isOurs ? hash("sha256", id, "base64url") : null;
  }

  async function read(hash: string): Promise<Admission> {
    const signIn = ended.has(hash) ? null : await rows.find(hash);
    if (signIn === null) ended.set(hash, true);
    const restored = signIn === null ? null : await authenticator.restore(signIn);
    if (signIn === null || restored === null) throw OVER;
    const admission = {
      ...restored,
      expiresAt: signIn.endsAt,
      isRevoked: () => ended.has(hash) || restored.isRevoked(),
    };
    hashes.set(admission, hash);
    return admission;
  }

  /** What outlives its request is checked again, because another gateway may have ended its sign-in. */
  async function checkLasting(): Promise<number> {
    const lasting = new Set(sessions.admissions().flatMap((one) => hashes.get(one) ?? []));
    const open = new Set(lasting.size === 0 ? [] : await rows.listOpen([...lasting]));
    for (const hash of lasting) if (!open.has(hash)) ended.set(hash, true);
    return POLL_MS;
  }

  const loop = startLoop({
    act: checkLasting,
    firstRestMs: POLL_MS,
    retryMs: POLL_MS,
    // The beat of `tracking/recovery.ts` logs that the database is unreachable. Nothing new reaches anybody until it is back.
    onFailure: () => undefined,
    sleep,
  });

  return {
    /** Opens one for a client that was admitted. Resolves with what the browser has to show, and for how long. */
    async open({ viewer, expiresAt }: Admission) {
      const id = chance.bytes(32).toString("base64url");
      const endsAt = Math.min(expiresAt ?? Infinity, clock.now() + MAX_LIFE_MS);
      const signIn = {
        hash: hash("sha256", id, "base64url"),
        ownerId: viewer.ownerId,
        scopes: [...viewer.scopes],
        credential: viewer.credential,
        endsAt,
      };
      for (const gone of await ask(rows.open(signIn, MAX_PER_OWNER))) ended.set(gone, true);
      return { shown: toShown(id), seconds: Math.floor((endsAt - clock.now()) / 1_000) };
    },

    /** Rejects with an `AuthenticationError`. */
    async authenticate(shown: string): Promise<Admission> {
      const hash = toHash(shown);
      if (hash === null) throw OVER;
      const asked = found.get(hash);
      const former = asked === undefined ? null : await asked;
      if (former !== null && sessions.findEnd(former) === null) return former;
      // It is believed from before the read on.
      const reading = ask(read(hash));
      found.set(hash, reading);
      reading.catch(() => found.delete(hash));
      return await reading;
    },

    /** Ends it, whatever it opened included: on this gateway within half a second, on every other within 2 s. */
    async end(shown: string): Promise<void> {
      const hash = toHash(shown);
      if (hash === null || ended.has(hash)) return;
      await ask(rows.end(hash));
      ended.set(hash, true);
    },

    close: loop.close,
  };
}

const OVER = new AuthenticationError("invalid", "You are signed out. Sign in again.");

async function ask<Value>(asking: Promise<Value>): Promise<Value> {
  return await asking.catch((cause: unknown) => {
    if (cause instanceof CodedError) throw cause;
    const message = "Sign-ins can't be checked at the moment. Try again in a few seconds.";
    throw new AuthenticationError("unavailable", message, { cause });
  });
}
