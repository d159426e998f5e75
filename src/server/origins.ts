import type { IncomingMessage } from "node:http";

import type { Refusal } from "./refuse.ts";

/** Tells pages that may call the gateway from those that may not. */
export type Origins = {
  /** Refuses a name that others than the gateway's user may have made, where no credential is asked for. */
  checkName(request: IncomingMessage): Refusal | null;
  /** Whether the request comes from a page of another origin that is not on the list. */
  isForeign(request: IncomingMessage): boolean;
};

/** `origins` are exact ones; `isOpen` where everybody who reaches the gateway is let in. */
export function createOrigins(options: {
  readonly origins: readonly string[];
  readonly isOpen: boolean;
}): Origins {
  const listed: ReadonlySet<string> = new Set(options.origins);
  const names: ReadonlySet<string> = new Set(options.origins.map(toName));
  return {
    checkName({ headers: { host = "" } }) {
      if (!options.isOpen || host === "") return null;
      const name = toName(`http://${host}`);
      return isPrivateName(name) || names.has(name) ? null : misdirected(host);
    },
    isForeign({ headers: { origin, host = "" } }) {
      if (origin === undefined || listed.has(origin)) return false;
      // By its own scheme, because behind a proxy the gateway can't know which one the page was asked by.
      const scheme = /^https?:\/\//.exec(origin)?.[0];
      return scheme === undefined || URL.parse(`${scheme}${host}`)?.origin !== origin;
    },
  };
}

/** The name of a URL's host; a dot at its end says only that it is whole. */
function toName(url: string): string {
  return URL.parse(url)?.hostname.replace(/\.$/, "") ?? "";
}

/**
 * Whether nobody else can have pointed this name at the gateway, as a page does that wants to pass for the gateway's
 * own: an address names only itself, names without a dot are given out by the local network alone, and `.internal` is
 * kept free of the world's names. Not `.local`, for which any neighbour may answer.
 */
function isPrivateName(name: string): boolean {
  return (
    !name.includes(".") ||
    /^[\d.]+$/.test(name) ||
    name.startsWith("[") ||
    name.endsWith(".localhost") ||
    name.endsWith(".internal")
  );
}

function misdirected(host: string): Refusal {
  const origin = URL.parse(`http://${host}`)?.origin ?? "";
  return {
    status: 421,
    code: "MISDIRECTED_REQUEST",
    message: `With AUTH=none the gateway answers to addresses, localhost, *.internal and names without a dot, because a page could have pointed any other name here. Start it with CORS_ORIGINS=${origin} if that is a name of yours, or set AUTH to api-keys or jwt.`,
  };
}
