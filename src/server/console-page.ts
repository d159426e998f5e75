import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";

/** The paths of its screens; each is the same page, which looks at the path itself. */
const SCREENS = /^\/(?:(?:run|jobs|gallery|deployments)(?:\/[^/]*)?)?$/;
const ASSETS = "/console/";

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/**
 * Makes what answers browsers with the console, whose built files are in a folder; null where they are not there. It
 * resolves with false for what is none of the console's. All of it is read once and held: a few hundred KB.
 */
export function createConsole(options: {
  readonly folder: string;
  readonly isSandbox: boolean;
  readonly hasGraphiql: boolean;
  /** Where else uploads may go. */
  readonly publicUrl: string | null;
}): ((request: IncomingMessage, response: ServerResponse, path: string) => boolean) | null {
  const files = readFiles(options.folder);
  const built = files?.get("index.html");
  if (files === null || built === undefined) return null;
  const page = toPage(built.plain, options);
  const policy = toPolicy(options.publicUrl);

  return ({ method, headers }, response, path) => {
    const file = path.startsWith(ASSETS) ? files.get(path.slice(ASSETS.length)) : undefined;
    const found = file === built ? page : (file ?? (SCREENS.test(path) ? page : undefined));
    if (found === undefined || (method !== "GET" && method !== "HEAD")) return false;
    const isZipped = /\bgzip\b(?! *; *q=0\b)/.test(String(headers["accept-encoding"]));
    const bytes = isZipped ? found.zipped : found.plain;
    response.writeHead(200, {
      "content-type": found.type,
      "content-length": bytes.length,
      ...(isZipped && { "content-encoding": "gzip" }),
      vary: "accept-encoding",
      // Their names hold a digest of what is in them; the page names the newest ones.
      "cache-control": path.startsWith(`${ASSETS}assets/`) ? FOR_GOOD : "no-cache",
      "content-security-policy": policy,
    });
    response.end(method === "HEAD" ? undefined : bytes);
    return true;
  };
}

const FOR_GOOD = "public, max-age=31536000, immutable";

/** Tells the page what it can't ask: whether jobs cost money, and whether GraphiQL is there. */
function toPage(built: Buffer, is: { readonly isSandbox: boolean; readonly hasGraphiql: boolean }) {
  const facts = `${is.isSandbox ? "sandbox" : "runcomfy"}${is.hasGraphiql ? " graphiql" : ""}`;
  const plain = Buffer.from(built.toString().replace("sandbox graphiql", facts));
  return { type: "text/html; charset=utf-8", plain, zipped: gzipSync(plain) };
}

function readFiles(folder: string) {
  try {
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
    return new Map(
      names.flatMap((name) => {
        const type = CONTENT_TYPES[extname(name)];
        if (type === undefined) return [];
        const plain = readFileSync(join(folder, name));
        return [[name.replaceAll("\\", "/"), { type, plain, zipped: gzipSync(plain) }] as const];
      }),
    );
  } catch {
    return null; // It was not built.
  }
}

/** Pictures and videos may come from anywhere, as outputs name them; everything else is the gateway's own. */
function toPolicy(publicUrl: string | null): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src * data: blob:",
    "media-src * data: blob:",
    `connect-src 'self'${publicUrl === null ? "" : ` ${publicUrl}`}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
