import type { IncomingMessage } from "node:http";

import type { BaseLogger } from "pino";

import type { Refusal } from "./refuse.ts";

/** Tells pages that may call the gateway from those that may not. */
export type Origins = {
  /** Refuses a name that others than the gateway's user may have made, where no credential is asked for. */
  checkName(request: IncomingMessage): Refusal | null;
  /** Whether the request comes from a page of another origin that is not on the list, which the log is told once. */
  isForeign(request: IncomingMessage): boolean;
};

/** Whoever may name any origin fills no log with them. */
const MOST_WARNINGS = 20;
const LONGEST_ORIGIN = 200;

/** `origins` are exact ones; `isOpen` where everybody who reaches the gateway is let in. */
export function createOrigins(options: {
  readonly origins: readonly string[];
  readonly isOpen: boolean;
  readonly log: Pick<BaseLogger, "warn">;
}): Origins {
  const { log } = options;
  const warned = new Set<string>();
  const listed: ReadonlySet<string> = new Set(options.origins);
  const names: ReadonlySet<string> = new Set(options.origins.map(toName));

  /** A browser tells its page nothing of why it was refused. */
  function warn(origin: string): void {
    if (warned.has(origin) || warned.size >= MOST_WARNINGS) return;
    warned.add(origin);
    log.warn(
      { origin },
      "A page of this origin was refused. If it is yours, add the origin to CORS_ORIGINS.",
    );
  }

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
      if (scheme !== undefined && URL.parse(`${scheme}${host}`)?.origin === origin) return false;
      warn(origin.slice(0, LONGEST_ORIGIN));
      return true;
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
