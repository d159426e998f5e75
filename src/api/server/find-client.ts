import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

import ipaddr from "ipaddr.js";

import { createRanges } from "../../runtime/public-address.ts";

/**
 * Makes a function that tells clients apart before they are admitted: by address, for IPv6 by the /64, which one client
 * may have to itself. Proxies are trusted to write `X-Forwarded-For`: from its right end, the first address that is not
 * theirs is the client's. Requests to none of `paths`, such as a balancer's health check, need no admission, so they wait
 * in a line of their own.
 */
export function createFindClient(trustedProxies: readonly string[], paths: readonly string[]) {
  const isTrusted = createRanges(trustedProxies);

  return ({ headers, socket, url = "" }: ClientRequest): string => {
    let address = parse(socket.remoteAddress ?? "");
    let forwarded: string[] | undefined;
    while (address !== null && isTrusted(address)) {
      // Node joins several headers with commas.
      forwarded ??= String(headers["x-forwarded-for"]).split(",");
      const next = parse(forwarded.pop() ?? "");
      // If it isn't an address, all that is known is which proxy wrote it.
      if (next === null) break;
      address = next;
    }
    const name = address === null ? "" : toName(address);
    const [path = ""] = url.split("?", 1);
    return paths.includes(path) ? `${name} asks` : name;
  };
}

type ClientRequest = Pick<IncomingMessage, "headers" | "url"> & {
  readonly socket: Pick<IncomingMessage["socket"], "remoteAddress">;
};

/** Some proxies add the port. */
const WITH_PORT = /^(?:\[(.+)\]|([\d.]+))(?::\d{1,5})?$/;

/** Null for what is no address; one of IPv4 within IPv6 is that of IPv4. */
function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  const trimmed = text.trim();
  const [, ipv6, ipv4] = WITH_PORT.exec(trimmed) ?? [];
  const address = ipv6 ?? ipv4 ?? trimmed;
  return isIP(address) === 0 ? null : ipaddr.process(address);
}

function toName(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  return address instanceof ipaddr.IPv6 ? address.parts.slice(0, 4).join(":") : address.toString();
}
