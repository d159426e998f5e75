import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";

import { z } from "zod";

import type { HeldFile } from "./held-file.ts";
import { holdFile, sendHeld, toContentPolicy } from "./held-file.ts";
import { GRAPHQL_PATH } from "./server-parts.ts";

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

/** Answers with one of the console's files, or returns false for what is none of them. */
type Answer = (request: IncomingMessage, response: ServerResponse, path: string) => boolean;

/**
 * Reads what answers browsers with the console, whose built files are in a folder; null where they are not there. The page
 * knows its screens by their paths, so a browser gets it at every path that is nothing else's.
 */
export async function openConsole(
  facts: Facts & { readonly folder: string },
): Promise<Answer | null> {
  const files = await holdFiles(facts);
  const page = files?.get("/console/index.html");
  if (files === null || page === undefined) return null;
  return (request, response, path) => {
    const isBrowser = request.headers.accept?.includes("text/html") === true;
    const isPage = path === "/" || (isBrowser && path !== GRAPHQL_PATH);
    const file = files.get(path) ?? (isPage ? page : undefined);
    if (file === undefined || (request.method !== "GET" && request.method !== "HEAD")) return false;
    sendHeld(request, response, file);
    return true;
  };
}

/** All files by their paths: a few hundred KB. */
async function holdFiles(
  facts: Parameters<typeof openConsole>[0],
): Promise<ReadonlyMap<string, HeldFile> | null> {
  const policy = toPolicy(facts);
  const hold = async (name: string) => {
    const type = CONTENT_TYPES[extname(name)];
    if (type === undefined) return [];
    const built = readFileSync(join(facts.folder, name));
    const file = await holdFile(name === "index.html" ? toPage(built, facts) : built, {
      "content-type": type,
      // Names in this folder hold a digest of what is in the file; the page names the newest ones.
      "cache-control": name.startsWith("assets") ? FOR_GOOD : "no-cache",
      "content-security-policy": policy,
    });
    return [[`/console/${name.replaceAll("\\", "/")}`, file] as const];
  };
  try {
    const names = readdirSync(facts.folder, { recursive: true, encoding: "utf8" });
    return new Map((await Promise.all(names.map(hold))).flat());
  } catch {
    return null; // It was not built.
  }
}

const FOR_GOOD = "public, max-age=31536000, immutable";

/** Tells the page what it can't ask: whether jobs cost money, and whether GraphiQL is there. */
function toPage(built: Buffer, { isSandbox, hasGraphiql }: Facts): Buffer {
  const facts = `${isSandbox ? "sandbox" : "runcomfy"}${hasGraphiql ? " graphiql" : ""}`;
  return Buffer.from(built.toString().replace("sandbox graphiql", facts));
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
  const connect = `'self' ${own}`;
  return toContentPolicy({ script: "'self'", style: "'self'", img: media, media, connect });
}
