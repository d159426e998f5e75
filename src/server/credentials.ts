import type { IncomingMessage } from "node:http";

import type { Admission, Authenticator } from "../auth/authenticator.ts";
import type { SignIns } from "../auth/sign-ins.ts";
import { isOnLoopback, type Origins } from "./origins.ts";

export type Credentials = ReturnType<typeof createCredentials>;

/** Finds what a client is let in by: its authorization, or the cookie of a sign-in. */
export function createCredentials({
  authenticator,
  signIns,
  origins,
}: {
  readonly authenticator: Pick<Authenticator, "authenticate">;
  readonly signIns: Pick<SignIns, "authenticate"> | null;
  readonly origins: Pick<Origins, "findOwn">;
}) {
  return {
    /**
     * The cookie of a sign-in, where the gateway's own page has sent it, and no authorization. Ask for it at a POST and at
     * the upgrade to a WebSocket alone: any page can have a browser send a GET, with the cookie.
     */
    findCookie(request: IncomingMessage): string | undefined {
      if (signIns === null || request.headers.authorization !== undefined) return undefined;
      const origin = origins.findOwn(request);
      const name = origin === null ? null : toCookieName(origin);
      return name === null ? undefined : readCookie(request, name);
    },
    /** Rejects with an `AuthenticationError`; an authorization that is refused is not rescued by the cookie. */
    async admit(authorization: string | undefined, cookie?: string): Promise<Admission> {
      if (signIns === null || authorization !== undefined || cookie === undefined)
        return await authenticator.authenticate(authorization);
      return await signIns.authenticate(cookie);
    },
  };
}

/**
 * Of the cookie for a page; null where a browser would keep none. A name with the prefix is one that no other host can have
 * set. On this machine, where there need be no TLS, each port has its own, as cookies don't tell ports apart.
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
