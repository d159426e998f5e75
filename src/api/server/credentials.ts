import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";

import { LRUCache } from "lru-cache";

import type { Admission, Authenticator, Sessions } from "../../auth/authenticator.ts";
import { findBearer } from "../../auth/authenticator.ts";
import type { SignIns } from "../../auth/sign-ins.ts";
import { clock } from "../../runtime/environment.ts";
import { isOnLoopback, type Origins } from "./origins.ts";

/** One that is left out is checked anew. */
const MAX_ADMITTED = 10_000;
/** Then it is checked anew, as the key that has signed a token may be withdrawn. */
const MAX_ADMITTED_MS = 300_000;

export type Credentials = ReturnType<typeof createCredentials>;

/** Admits a client by its authorization or the cookie of a sign-in, and remembers what it has admitted. */
export function createCredentials({
  authenticator,
  signIns,
  origins,
  sessions,
}: {
  readonly authenticator: Pick<Authenticator, "authenticate">;
  readonly signIns: Pick<SignIns, "authenticate"> | null;
  readonly origins: Pick<Origins, "findOwn">;
  readonly sessions: Pick<Sessions, "findEnd">;
}) {
  const admitted = new LRUCache<string, Admission>({
    max: MAX_ADMITTED,
    ttl: MAX_ADMITTED_MS,
    ttlResolution: 1_000,
    perf: { now: clock.monotonic },
  });

  /**
   * The cookie of a sign-in, where the gateway's own page has sent it, and no authorization. Ask for it at a POST and at
   * the upgrade to a WebSocket alone: any page can have a browser send a GET, with the cookie.
   */
  function findCookie(request: IncomingMessage): string | undefined {
    if (signIns === null || request.headers.authorization !== undefined) return undefined;
    const origin = origins.findOwn(request);
    const name = origin === null ? null : toCookieName(origin);
    return name === null ? undefined : readCookie(request, name);
  }

  return {
    findCookie,
    /** Rejects with an `AuthenticationError`; an authorization that is refused is not rescued by the cookie. */
    async admit(authorization: string | undefined, cookie?: string): Promise<Admission> {
      // Not remembered, as another gateway may have ended it.
      if (signIns !== null && authorization === undefined && cookie !== undefined)
        return await signIns.authenticate(cookie);
      const name = toName(authorization);
      const former = name === null ? undefined : admitted.get(name);
      if (former !== undefined && sessions.findEnd(former) === null) return former;
      const admission = await authenticator.authenticate(authorization);
      if (name !== null) admitted.set(name, admission);
      return admission;
    },
  };
}

/** A hash, so that no credential stays in memory; the same however it is written, and null if it isn't one. */
function toName(authorization: string | undefined): string | null {
  if (authorization === undefined) return "";
  const bearer = findBearer(authorization);
  return bearer === undefined ? null : hash("sha256", bearer, "base64url");
}

/**
 * Of the cookie for a page; null where a browser would keep none. A name with the prefix is one that no other host can have
 * set. On this machine, where there need be no TLS, each port has its own, as cookies don't distinguish ports.
 */
export function toCookieName(origin: string): string | null {
  const { protocol, port } = new URL(origin);
  if (protocol === "https:") return "__Host-runcomfy-session";
  return isOnLoopback(origin) ? `runcomfy-session-${port || "80"}` : null;
}

/** Undefined as well where there are two, as another port of this machine can set one for a longer path. */
export function readCookie({ headers }: IncomingMessage, name: string): string | undefined {
  const pairs = (headers.cookie ?? "").split("; ");
  const [first, second] = pairs.filter((pair) => pair.startsWith(`${name}=`));
  return second === undefined ? first?.slice(`${name}=`.length) : undefined;
}
