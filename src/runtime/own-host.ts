/** Whether a `Host` can't be a name that a page has pointed here, or is that of one of the origins. */
export function isOwnHost(host: string, origins: readonly string[]): boolean {
  const name = toName(`http://${host}`);
  return (
    host === "" || (name !== "" && (isPrivateName(name) || origins.map(toName).includes(name)))
  );
}

/** The name of a URL's host, without a dot at its end, which changes nothing. */
export function toName(url: string): string {
  return URL.parse(url)?.hostname.replace(/\.$/, "") ?? "";
}

/**
 * Whether no page that wants to pass for the gateway's own can have pointed this name here: an address names only itself,
 * the local network alone gives out names without a dot, and nobody in the world owns `.internal`. Not `.local`, for which
 * any neighbour may answer.
 */
function isPrivateName(name: string): boolean {
  return !name.includes(".") || /^[\d.]+$|^\[|\.localhost$|\.internal$/.test(name);
}
