import { type LookupAddress, promises as dns } from "node:dns";

import { isLocalName } from "./public-address.ts";
import { Semaphore } from "./semaphore.ts";

/**
 * Finds the addresses of a host that anybody may have named; rejects where it has none, or once `signal` aborts. DNS is asked
 * without one of libuv's few threads, which `lookup` holds for as long as a name's servers are silent: all others' look-ups
 * would wait behind it.
 */
export async function lookUp(
  hostname: string,
  { signal, nameServers }: { readonly signal: AbortSignal; readonly nameServers?: string[] },
): Promise<readonly LookupAddress[]> {
  // Only the system knows its own names.
  if (isLocalName(hostname))
    return await local.run(() => dns.lookup(hostname, { all: true }), signal);
  const resolver = new dns.Resolver({ timeout: TRY_MS, tries: MAX_TRIES });
  if (nameServers !== undefined) resolver.setServers(nameServers);
  signal.addEventListener("abort", () => resolver.cancel(), { once: true });
  const ask = async (family: 4 | 6): Promise<readonly LookupAddress[]> => {
    const found = await (family === 4 ? resolver.resolve4(hostname) : resolver.resolve6(hostname));
    return found.map((address) => ({ address, family }));
  };
  const [ofIPv4, ofIPv6] = await Promise.allSettled([ask(4), ask(6)]);
  const isFound = ofIPv4.status === "fulfilled" || ofIPv6.status === "fulfilled";
  if (!isFound) throw ofIPv4.reason;
  return [ofIPv4, ofIPv6].flatMap((one) => (one.status === "fulfilled" ? one.value : []));
}

/** A name server has so long, and twice as long at its second try. */
const TRY_MS = 2_000;
const MAX_TRIES = 2;
/** The process has four threads, so it has one slot. One whose reader has left keeps it, as it keeps its thread. */
const local = new Semaphore({ atOnce: 1, maxWaiting: Infinity });
