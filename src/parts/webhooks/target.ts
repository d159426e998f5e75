import ipaddr from "ipaddr.js";

import { createRanges, isPublicAddress, publicUrlProblem } from "../../runtime/public-address.ts";

const PORTS: ReadonlySet<string> = new Set(["", "443", "8443"]);
const MAX_CHARACTERS = 2_048;

export type Targets = ReturnType<typeof createTargets>;

/**
 * Which URLs may be called: those with https on ports 443 and 8443 of public hosts. In the ranges of addresses that the
 * operator allows, http and any port will do.
 */
export function createTargets(ranges: readonly string[]) {
  const isInRanges = createRanges(ranges);

  function isAllowed(text: string): boolean {
    if (!ipaddr.isValid(text)) return false;
    const address = ipaddr.process(text);
    // Clouds give credentials away there.
    return address.range() !== "linkLocal" && isInRanges(address);
  }

  return {
    /** What keeps a text from being called, with the next step, or null. A name's addresses are checked at each call. */
    findProblem(text: string): string | null {
      const isOdd =
        text.length > MAX_CHARACTERS || !text.isWellFormed() || /[\s\p{Cc}\\]/u.test(text);
      const url = isOdd ? null : URL.parse(text);
      // Parsers make up for slashes that are missing or too many, and find a user name behind them.
      if (url === null || !/^https?:\/\/[^/]/i.test(text)) return NO_URL;
      if (/^https?:\/\/[^/?#]*@/i.test(text)) return HAS_USER;
      const host = url.hostname.replace(/^\[|\]$/g, "");
      // What a name leads to is known when the connection is made.
      if (ipaddr.isValid(host) ? isAllowed(host) : ranges.length > 0) return null;
      if (url.protocol !== "https:" || !PORTS.has(url.port)) return NOT_SAFE;
      return publicUrlProblem(text) === null ? null : NOT_PUBLIC;
    },

    /** Whether a URL may be called at an address. */
    toAdmission(url: URL): (address: string) => boolean {
      const isSafe = url.protocol === "https:" && PORTS.has(url.port);
      return (address) => isAllowed(address) || (isSafe && isPublicAddress(address));
    },
  };
}

const NO_URL = "must be an https URL of at most 2,048 characters without spaces; give its full URL";
const HAS_USER =
  "must have no user name, password or @ before its path; the signature says who calls";
const NOT_SAFE =
  "must be https on port 443 or 8443; put the server behind TLS, or ask the gateway's operator to allow its address (WEBHOOKS_ALLOW)";
const NOT_PUBLIC =
  "must be on a public host; use one that the Internet reaches, or ask the gateway's operator to allow its address (WEBHOOKS_ALLOW)";
