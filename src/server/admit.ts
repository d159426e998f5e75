import type { Admission, Authenticator } from "../auth/authenticator.ts";
import { AuthenticationError } from "../auth/authenticator.ts";
import { TRY_AGAIN_LATER } from "./close-codes.ts";
import type { Refusal } from "./refuse.ts";

const RETRY_AFTER_SECONDS = 5;
const LONGEST_REASON_BYTES = 123;

/** How a socket is closed that nobody is let in by. */
export type SocketEnd = { readonly code: number; readonly reason: string };

type Authenticate = Authenticator["authenticate"];

/** Lets a request in by its header, or says how it is refused. */
export async function admitRequest(
  authenticate: Authenticate,
  authorization: string | undefined,
): Promise<Admission | Refusal> {
  try {
    return await authenticate(authorization);
  } catch (error) {
    if (error instanceof AuthenticationError) return toRefusal(error);
    throw error;
  }
}

/** Lets a socket in by its `connectionParams`, or says how it is closed. */
export async function admitSocket(
  authenticate: Authenticate,
  parameters: Readonly<Record<string, unknown>>,
): Promise<Admission | SocketEnd> {
  try {
    return await authenticate(findAuthorization(parameters));
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    return { code: toCloseCode(error), reason: toCloseReason(error.message) };
  }
}

/** A text that a close frame has room for. */
export function toCloseReason(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= LONGEST_REASON_BYTES) return text;
  return `${bytes
    .subarray(0, LONGEST_REASON_BYTES - 6)
    .toString()
    .replace(/\uFFFD+$/, "")}…`;
}

function findAuthorization(parameters: Readonly<Record<string, unknown>>): string | undefined {
  // Headers are written in any case, and GraphiQL hands on as parameters what was typed as headers.
  const named = Object.entries(parameters).find(([name]) => /^authorization$/i.test(name))?.[1];
  if (named === undefined || named === null) return undefined;
  // What is no text is no credential either, but one was meant.
  return typeof named === "string" ? named : "?";
}

function toRefusal({ reason, message }: AuthenticationError): Refusal {
  if (reason === "unavailable") {
    const retryAfterSeconds = RETRY_AFTER_SECONDS;
    return { status: 503, code: "UNAVAILABLE", message, retryAfterSeconds };
  }
  const challenge = reason === "missing" ? "Bearer" : 'Bearer error="invalid_token"';
  return {
    status: 401,
    code: "UNAUTHENTICATED",
    message,
    headers: { "www-authenticate": challenge },
  };
}

/** The stock client gives up at 4401, comes back at once with a new credential at 4403, and later at 1013. */
function toCloseCode({ reason }: AuthenticationError): number {
  switch (reason) {
    case "missing":
      return 4401;
    case "invalid":
      return 4403;
    case "unavailable":
      return TRY_AGAIN_LATER;
  }
}
