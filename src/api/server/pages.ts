import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

import { z } from "zod";

import { renderGraphiql } from "./graphiql.ts";
import { notFound } from "./refuse.ts";
import { GRAPHQL_PATH } from "./server-parts.ts";

type Options = Parameters<typeof renderGraphiql>[0] & {
  readonly hasGraphiql: boolean;
  readonly hasConsole: boolean;
  readonly hasMcp: boolean;
  readonly uploadMib: number;
  readonly hasSignIns: boolean;
  /** Where the console was built. */
  readonly consoleFolder: string;
  /** Where else uploads may go. */
  readonly publicUrl: string | null;
};

/** What browsers get. */
export type Pages = ReturnType<typeof openPages>;

/**
 * Reads the console's files, a few hundred KB. GraphiQL's page brings all its scripts along, nine megabytes of them, so it
 * is made when it is first asked for.
 */
export function openPages(options: Options) {
  const { hasGraphiql, hasConsole } = options;
  const files = hasConsole ? readConsole(options) : null;
  const page = files?.get("/console/index.html");
  let graphiql: Promise<HeldFile> | undefined;

  /** The console knows its screens by their paths, so a browser gets it at every path that is nothing else's. */
  async function find(path: string, isBrowser: boolean): Promise<HeldFile | undefined> {
    if (path !== GRAPHQL_PATH)
      return files?.get(path) ?? (path === "/" || isBrowser ? page : undefined);
    if (!isBrowser) return undefined;
    if (!hasGraphiql) throw NO_PAGE;
    return await (graphiql ??= makeGraphiql({ ...options, hasConsole: page !== undefined }));
  }

  return {
    hasConsole: page !== undefined,
    /** Answers a browser, or returns false for what is none of its pages and their files. */
    async answer(
      request: IncomingMessage,
      response: ServerResponse,
      path: string,
    ): Promise<boolean> {
      const { method, headers } = request;
      const isRead = method === "GET" || (method === "HEAD" && path !== GRAPHQL_PATH);
      // A browser asks for a page, and no program for data.
      const isBrowser = headers.accept?.includes("text/html") === true;
      const file = isRead ? await find(path, isBrowser) : undefined;
      if (file !== undefined) await send(request, response, file);
      else if (path === "/" && hasGraphiql)
        response.writeHead(302, { location: GRAPHQL_PATH }).end();
      else return false;
      return true;
    },
  };
}

/** The documents that a built console sends, word for word; none where it was not built. */
export function readDocuments(consoleFolder: string): readonly string[] {
  try {
    const text = readFileSync(join(consoleFolder, "documents.json"), "utf8");
    return z.array(z.string()).parse(JSON.parse(text));
  } catch {
    return [];
  }
}

/** All files of the console by their paths; null where it was not built. */
function readConsole(options: Options): ReadonlyMap<string, HeldFile> | null {
  const { consoleFolder } = options;
  const policy = toConsolePolicy(options);
  const read = (name: string) => {
    const type = CONTENT_TYPES[extname(name)];
    if (type === undefined) return [];
    const built = readFileSync(join(consoleFolder, name));
    const file = holdFile(name === "index.html" ? toPage(built, options) : built, {
      "content-type": type,
      // Names in this folder hold a digest of what is in the file; the page names the newest ones.
      "cache-control": name.startsWith("assets") ? FOR_GOOD : "no-cache",
      "content-security-policy": policy,
    });
    return [[`/console/${name.replaceAll("\\", "/")}`, file] as const];
  };
  try {
    const names = readdirSync(consoleFolder, { recursive: true, encoding: "utf8" });
    return new Map(names.flatMap(read));
  } catch {
    return null;
  }
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".md": "text/plain; charset=utf-8",
  ".svg": "image/svg+xml",
};
const FOR_GOOD = "public, max-age=31536000, immutable";

/** Writes into the page what it can't ask: whether jobs cost money, what else is there, and whether people sign in. */
function toPage(built: Buffer, options: Options): Buffer {
  const facts = [
    options.isSandbox ? "sandbox" : "runcomfy",
    options.hasGraphiql && "graphiql",
    options.hasMcp && "mcp",
    `upload-mib-${options.uploadMib}`,
    options.hasSignIns && "login-key",
  ];
  return Buffer.from(
    built.toString().replace("sandbox graphiql mcp", facts.filter(Boolean).join(" ")),
  );
}

/** Pictures and videos may come from any host, as outputs name them; everything else is the gateway's own. */
function toConsolePolicy({ isSandbox, publicUrl }: Options): string {
  // Where the gateway's own files are, for a page that was opened by another name of this machine.
  const own = publicUrl ?? "http://127.0.0.1:* http://localhost:*";
  // The sandbox's port may be another one after a start.
  const media = `'self' https: data: blob: ${own}${isSandbox ? " http://127.0.0.1:*" : ""}`;
  const connect = `'self' ${own}`;
  return toContentPolicy({ script: "'self'", style: "'self'", img: media, media, connect });
}

async function makeGraphiql(options: Options): Promise<HeldFile> {
  const page = await renderGraphiql(options);
  return holdFile(Buffer.from(page), {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    "content-security-policy": toGraphiqlPolicy(page),
  });
}

/** The page brings its fonts, pictures and workers along; its one script ends it, and holds the tags of others. */
function toGraphiqlPolicy(page: string): string {
  const start = page.indexOf("<script>", page.indexOf("</noscript>")) + "<script>".length;
  const script = page.slice(start, page.lastIndexOf("</script>")).replaceAll("\r\n", "\n");
  return toContentPolicy({
    script: `'sha256-${createHash("sha256").update(script).digest("base64")}'`,
    // Its editor writes the styles of what it shows as it goes.
    style: "'unsafe-inline'",
    img: "data:",
    font: "data:",
    connect: "'self'",
    worker: "blob:",
  });
}

/** A content security policy by which a page gets nothing from anywhere but these sources. */
function toContentPolicy(sources: Readonly<Record<string, string>>): string {
  const allowed = Object.entries(sources).map(([kind, from]) => `${kind}-src ${from}`);
  return `default-src 'none'; ${allowed.join("; ")}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

/**
 * A file that is held in memory, compressed too once that is asked for, so that an answer which nobody reads costs no
 * memory of its own.
 */
type HeldFile = ReturnType<typeof holdFile>;

function holdFile(plain: Buffer, headers: Readonly<Record<string, string>>) {
  let zipped: Promise<Buffer> | undefined;
  const zip = () => (zipped ??= promisify(gzip)(plain, { level: 9 }));
  // Weak, as it is the same for what is compressed.
  const etag = `W/"${createHash("sha256").update(plain).digest("base64url")}"`;
  return { plain, zip, headers: { ...headers, etag, vary: "accept, accept-encoding" } };
}

/** Answers a GET or HEAD with a file, unless the browser has it. */
async function send(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  file: HeldFile,
): Promise<void> {
  if (headers["if-none-match"] === file.headers.etag)
    return void response.writeHead(304, file.headers).end();
  const isZipped = /\bgzip\b(?! *; *q=0\b)/.test(String(headers["accept-encoding"]));
  const bytes = isZipped ? await file.zip() : file.plain;
  response.writeHead(200, {
    ...file.headers,
    "content-length": bytes.length,
    ...(isZipped && { "content-encoding": "gzip" }),
  });
  response.end(method === "HEAD" ? undefined : bytes);
}

const NO_PAGE = notFound(
  "GraphiQL is turned off here. Send GraphQL with the header accept: application/json, or set GRAPHIQL=true.",
);
