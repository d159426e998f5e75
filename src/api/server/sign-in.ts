import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";

import type { Admission } from "../../auth/authenticator.ts";
import { CodedError } from "../../runtime/coded-error.ts";
import { readCookie, toCookieName } from "./credentials.ts";
import { checkPost } from "./read-request.ts";
import type { ServerParts } from "./server-parts.ts";

const SIGN_IN = "/sign-in";
const SIGN_OUT = "/sign-out";

/**
 * Makes what signs a page in, with the credential of its `Authorization`, and out again. Resolves with the
 * headers of an answer that has no body; null, and nothing done, for any other path. Rejects with a `CodedError`.
 */
export function createSignInAnswer({ credentials, signIns, origins, rates }: ServerParts) {
  return async (request: IncomingMessage, path: string): Promise<OutgoingHttpHeaders | null> => {
    if (signIns === null || (path !== SIGN_IN && path !== SIGN_OUT)) return null;
    checkPost(request, "Sign-ins and sign-outs");
    const origin = origins.findOwn(request);
    if (origin === null) throw FOREIGN;
    const name = toCookieName(origin);
    if (name === null) throw UNSAFE;
    const former = readCookie(request, name);
    const opened = path === SIGN_IN ? await signIns.open(await admit(request)) : NOBODY;
    if (former !== undefined) await signIns.end(former);
    return { "set-cookie": toCookie(name, opened) };
  };

  async function admit({ headers }: IncomingMessage): Promise<Admission> {
    const admission = await credentials.admit(headers.authorization);
    rates.take(admission.viewer);
    rates.takeSignIn(admission.viewer);
    return admission;
  }
}

const NOBODY = { shown: "", seconds: 0 };

function toCookie(name: string, { shown, seconds }: { shown: string; seconds: number }): string {
  const isSecure = name.startsWith("__Host-");
  const cookie = `${name}=${shown}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict`;
  return isSecure ? `${cookie}; Secure` : cookie;
}

const FOREIGN = new CodedError(
  "FORBIDDEN",
  "Only the gateway's own page can sign in and out. Open the gateway's address; if this is that, the operator sets PUBLIC_URL to it.",
);
const UNSAFE = new CodedError(
  "FORBIDDEN",
  "Browsers keep a sign-in only over https, or on this machine. Open the gateway's address with https, or as http://localhost.",
);
