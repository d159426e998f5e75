import { isIP } from "node:net";

import ipaddr from "ipaddr.js";

/**
 * What keeps a text from being the URL of a file that anyone may fetch, with the next step, or null; it never repeats
 * the text. Nothing is fetched or resolved, so a public name that leads to a private address passes.
 */
export function publicUrlProblem(text: string): string | null {
  if (text.length > MAX_CHARACTERS) {
    return "must be at most 2,048 characters; put the file at a shorter URL";
  }
  // URL parsers drop, trim or turn these into slashes, each in its own way.
  if (/[\s\p{Cc}\\]/u.test(text)) {
    return "must have no spaces, control characters or backslashes; copy it from a browser's address bar";
  }
  const authority = /^https:\/\/([^/?#]*)/i.exec(text)?.[1];
  if (authority === undefined) {
    return "must start with https://; upload the file, or put it on a public host and give its full URL";
  }
  // Searched up to the first slash: in some parsers, only that ends the authority.
  if (/^https:\/\/[^/]*@/i.test(text)) {
    return "must have no user name, password or @ before its path; give a URL that works without";
  }
  if (authority.includes("%")) {
    return "must have no % in its host; write the host name plainly";
  }
  const url = authority === "" ? null : URL.parse(text);
  if (url === null) return "is no valid URL; check its host name and port";
  return hostProblem(url.hostname, authority.replace(/:\d*$/, ""));
}

/** Whether a text is the IP address of a host on the public Internet. */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  return address instanceof ipaddr.IPv6 ? isPublicIPv6(address) : isPublicIPv4(address);
}

/** Whether a text is a range of IP addresses, such as `10.0.0.0/8`, or one of them. */
export function isAddressRange(text: string): boolean {
  return isIP(text) !== 0 || ipaddr.isValidCIDR(text);
}

/** Makes what says whether an address, of IPv6 none that is one of IPv4, is in any of these ranges. */
export function createRanges(
  ranges: readonly string[],
): (address: ipaddr.IPv4 | ipaddr.IPv6) => boolean {
  const parsed = ranges.map((range) => {
    const bits = isIP(range) === 4 ? 32 : 128;
    return ipaddr.parseCIDR(isIP(range) === 0 ? range : `${range}/${bits}`);
  });
  return (address) =>
    parsed.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits));
}

const MAX_CHARACTERS = 2_048;
const NOT_PUBLIC =
  "must be on a public host, not a local, private or reserved one; put the file where anyone can fetch it";

/** Two labels or more, none empty, and perhaps a dot at the end. */
const HOST_NAME = /^(?:[a-z\d_-]{1,63}\.)+[a-z\d-]{2,63}\.?$/;
const LOCAL_NAME =
  /(?:^|\.)(?:localhost|local|localdomain|internal|intranet|private|corp|home|lan|arpa|onion|i2p|test|invalid|svc|cluster|consul|metadata\.goog)\.?$/;
/** A virtual machine's own host, in the middle of the public range. */
const AZURE_METADATA = "168.63.129.16";

/** `hostname` as the URL standard normalises it, where every spelling of an IPv4 address has become the usual one. */
function hostProblem(hostname: string, spelling: string): string | null {
  const literal = hostname.replace(/^\[|\]$/g, "");
  if (!ipaddr.isValid(literal)) {
    return HOST_NAME.test(hostname) && !LOCAL_NAME.test(hostname) ? null : NOT_PUBLIC;
  }
  if (!isPublicAddress(literal)) return NOT_PUBLIC;
  // 010.0.0.1 is 8.0.0.1 to some parsers and 10.0.0.1 to others.
  return ipaddr.IPv4.isValid(literal) && spelling !== literal
    ? "must have its IP address as four decimal numbers without leading zeros; write it so, or use a host name"
    : null;
}

function isPublicIPv4(address: ipaddr.IPv4): boolean {
  return address.range() === "unicast" && address.toString() !== AZURE_METADATA;
}

/** Of 2000::/3, which is all that is routed, without what leads on to an IPv4 address (6to4, Teredo, ISATAP). */
function isPublicIPv6(address: ipaddr.IPv6): boolean {
  const [first = 0, , , , fifth = 0, sixth = 0] = address.parts;
  const isIsatap = (fifth === 0 || fifth === 0x200) && sixth === 0x5efe;
  return address.range() === "unicast" && first >> 13 === 1 && !isIsatap;
}
