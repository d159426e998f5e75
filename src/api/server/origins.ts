import type { IncomingMessage, ServerResponse } from "node:http";

import type { BaseLogger } from "pino";

import { CodedError } from "../../runtime/coded-error.ts";
import { isOwnHost, toName } from "../../runtime/own-host.ts";

/** Decides which pages may call the gateway. */
export type Origins = ReturnType<typeof createOrigins>;

/** Strangers can name any origin, and must not fill the log with them. */
const MAX_WARNINGS = 20;
const MAX_ORIGIN_LENGTH = 200;
const HEADERS = "authorization, content-type, accept, traceparent, tracestate";
const PREFLIGHT = { "access-control-max-age": "600" };

/** A page that this machine serves, as browsers name it. */
const LOOPBACK = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;

/** `origins` are exact, as is `publicUrl`, where the gateway has one; `isOpen` says that the gateway lets everybody in. */
export function createOrigins(options: {
  readonly origins: readonly string[];
  readonly admitsLoopback: boolean;
  readonly publicUrl: string | null;
  readonly isOpen: boolean;
  readonly log: Pick<BaseLogger, "warn">;
}) {
  const { origins, admitsLoopback, isOpen, log } = options;
  const warned = new Set<string>();
  const { publicUrl } = options;
  const publicName = toName(publicUrl ?? "");

  /** Whether a page of another origin that is not on the list sent the request; logged once for each origin. */
  function isForeign({ headers: { origin, host = "" } }: IncomingMessage): boolean {
    if (origin === undefined || origins.includes(origin)) return false;
    if (admitsLoopback && isOnLoopback(origin)) return false;
    if (isAtHost(origin, host)) return false;
    warn(origin.slice(0, MAX_ORIGIN_LENGTH));
    return true;
  }

  /** Logged, because a browser does not say to its page why it was refused. */
  function warn(origin: string): void {
    if (warned.has(origin) || warned.size >= MAX_WARNINGS) return;
    warned.add(origin);
    log.warn(
      { origin },
      "A page of this origin was refused. If it is yours, add the origin to CORS_ORIGINS.",
    );
  }

  return {
    isForeign,
    /** The origin of the gateway's own page, where that has sent the request; not of one that is on the list. */
    findOwn({ headers: { origin, host = "" } }: IncomingMessage): string | null {
      if (origin === undefined) return null;
      return (publicUrl === null ? isAtHost(origin, host) : origin === publicUrl) ? origin : null;
    },
    /**
     * Where no credential is asked for, throws for a host's name that a stranger may have pointed at the gateway. The public
     * one is for signed URLs alone, of files and of RunComfy's calls: the whole world can reach it.
     */
    checkName({ headers: { host = "" } }: IncomingMessage, isSigned: boolean): void {
      const isPublic = isSigned && toName(`http://${host}`) === publicName;
      if (isOpen && !isPublic && !isOwnHost(host, origins)) throw misdirected(host);
    },
    /** Lets the page read its answer, when it may. True when that was all it asked for. */
    answer(
      request: IncomingMessage,
      response: ServerResponse,
      methods = "GET, POST",
      moreHeaders = "",
    ): boolean {
      const { origin } = request.headers;
      response.setHeader("vary", "origin, accept, accept-encoding");
      const isAdmitted = origin !== undefined && !isForeign(request);
      if (isAdmitted) {
        response.setHeader("access-control-allow-origin", origin);
        response.setHeader("access-control-expose-headers", "retry-after, www-authenticate");
      }
      if (request.method !== "OPTIONS") return false;
      const preflight = {
        ...PREFLIGHT,
        "access-control-allow-methods": methods,
        "access-control-allow-headers": `${HEADERS}${moreHeaders}`,
      };
      const headers = { allow: `${methods}, OPTIONS`, ...(isAdmitted && preflight) };
      response.writeHead(204, headers).end();
      return true;
    },
  };
}

/** By the origin's own scheme: behind a proxy the gateway can't know which one the page was asked by. */
function isAtHost(origin: string, host: string): boolean {
  const scheme = /^https?:\/\//.exec(origin)?.[0];
  return scheme !== undefined && URL.parse(`${scheme}${host}`)?.origin === origin;
}

/** Whether a page that this machine serves sent it. */
export function isOnLoopback(origin: string): boolean {
  return LOOPBACK.test(origin);
}

function misdirected(host: string): CodedError {
  const origin = URL.parse(`http://${host}`)?.origin ?? "";
  return new CodedError(
    "MISDIRECTED_REQUEST",
    `With AUTH=none the gateway answers to addresses, localhost, *.internal and names without a dot, because a page could have pointed any other name here. If this name is yours, start the gateway with CORS_ORIGINS=${origin}, or set AUTH to api-keys or jwt.`,
  );
}
