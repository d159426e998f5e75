import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";

import { z } from "zod";

import { GRAPHQL_PATH } from "./server-parts.ts";

/** The paths of its screens; each is the same page, which looks at the path itself. */
const SCREENS = /^\/(?:(?:run|jobs|gallery|deployments)(?:\/[^/]*)?)?$/;
const ASSETS = "/console/";

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".md": "text/plain; charset=utf-8",
  ".svg": "image/svg+xml",
};

type Facts = {
  readonly isSandbox: boolean;
  readonly hasGraphiql: boolean;
  /** Where else uploads may go. */
  readonly publicUrl: string | null;
};

type Answer = (request: IncomingMessage, response: ServerResponse, path: string) => boolean;

/**
 * Makes what answers browsers with the console, whose built files are in a folder; null where they are not there. It
 * resolves with false for what is none of the console's. All of it is read once and held: a few hundred KB.
 */
export function createConsole(options: Facts & { readonly folder: string }): Answer | null {
  const files = readFiles(options.folder);
  const built = files?.get("index.html");
  if (files === null || built === undefined) return null;
  const page = toPage(built.plain, options);
  const policy = toPolicy(options);

  return ({ method, headers }, response, path) => {
    const file = path.startsWith(ASSETS) ? files.get(path.slice(ASSETS.length)) : undefined;
    const isScreen = SCREENS.test(path);
    // Whoever follows a broken link gets words with it, and a program the refusal in JSON.
    const isLost = !isScreen && path !== GRAPHQL_PATH && headers.accept?.includes("text/html");
    const found = file === built || isScreen || (!file && isLost) ? page : file;
    if (found === undefined || (method !== "GET" && method !== "HEAD")) return false;
    const isZipped = /\bgzip\b(?! *; *q=0\b)/.test(String(headers["accept-encoding"]));
    const bytes = isZipped ? found.zipped : found.plain;
    const isKnown = headers["if-none-match"] === found.etag;
    response.writeHead(isKnown ? 304 : isLost && found === page ? 404 : 200, {
      ...(!isKnown && { "content-type": found.type, "content-length": bytes.length }),
      ...(!isKnown && isZipped && { "content-encoding": "gzip" }),
      etag: found.etag,
      vary: "accept-encoding",
      // Their names hold a digest of what is in them; the page names the newest ones.
      "cache-control": path.startsWith(`${ASSETS}assets/`) ? FOR_GOOD : "no-cache",
      "content-security-policy": policy,
    });
    response.end(method === "HEAD" || isKnown ? undefined : bytes);
    return true;
  };
}

const FOR_GOOD = "public, max-age=31536000, immutable";

/** Tells the page what it can't ask: whether jobs cost money, and whether GraphiQL is there. */
function toPage(built: Buffer, { isSandbox, hasGraphiql }: Facts) {
  const facts = `${isSandbox ? "sandbox" : "runcomfy"}${hasGraphiql ? " graphiql" : ""}`;
  return toFile(".html", Buffer.from(built.toString().replace("sandbox graphiql", facts)));
}

function toFile(extension: string, plain: Buffer) {
  // Weak, as it is the same for what is compressed.
  const etag = `W/"${createHash("sha256").update(plain).digest("base64url")}"`;
  return { type: CONTENT_TYPES[extension], plain, zipped: gzipSync(plain), etag };
}

function readFiles(folder: string) {
  try {
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
    return new Map(
      names.flatMap((name) => {
        if (!Object.hasOwn(CONTENT_TYPES, extname(name))) return [];
        const file = toFile(extname(name), readFileSync(join(folder, name)));
        return [[name.replaceAll("\\", "/"), file] as const];
      }),
    );
  } catch {
    return null; // It was not built.
  }
}

/** The documents that a built page sends, word for word; none where it was not built. */
export function readDocuments(folder: string): readonly string[] {
  try {
    return z
      .array(z.string())
      .parse(JSON.parse(readFileSync(join(folder, "documents.json"), "utf8")));
  } catch {
    return [];
  }
}

/** Pictures and videos may come from any host, as outputs name them; everything else is the gateway's own. */
function toPolicy({ isSandbox, publicUrl }: Facts): string {
  // Where the gateway's own files are, for a page that was opened by another name of this machine.
  const own = publicUrl ?? "http://127.0.0.1:* http://localhost:*";
  // The sandbox's port may be another one after a start.
  const media = `'self' https: data: blob: ${own}${isSandbox ? " http://127.0.0.1:*" : ""}`;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src ${media}`,
    `media-src ${media}`,
    `connect-src 'self' ${own}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
