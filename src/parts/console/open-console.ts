import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";

import { z } from "zod";

import type { HeldFile } from "../../runtime/held-file.ts";
import { holdFile, sendFile, toContentPolicy } from "../../runtime/held-file.ts";
import type { OpenEngine, OpenPart } from "../../part.ts";

/** Reads the console's files, a few hundred KB, from where it was built. */
export function openConsole(folder: string, engine: Pick<OpenEngine, "config" | "log">): OpenPart {
  const files = readFiles(folder, engine);
  const page = files.get("/console/index.html");
  const close = async (): Promise<void> => undefined;
  if (page === undefined) {
    engine.log.warn(
      "The console was not built, so browsers don't get it. Build it with: npm ci --include=dev, or set CONSOLE=false.",
    );
    return { close };
  }
  return {
    url: "/",
    documents: () => readDocuments(folder),
    /** The console knows its screens by their paths, so a browser gets it at every path that is nothing else's. */
    async answer({ request, response, path }) {
      const { method, headers } = request;
      if (method !== "GET" && method !== "HEAD") return false;
      // A browser asks for a page, and no program for data.
      const isBrowser = headers.accept?.includes("text/html") === true;
      const file = files.get(path) ?? (path === "/" || isBrowser ? page : undefined);
      if (file === undefined) return false;
      await sendFile(request, response, file);
      return true;
    },
    close,
  };
}

/** The documents that a built console sends, word for word; none where it was not built. */
export function readDocuments(folder: string): readonly string[] {
  try {
    const text = readFileSync(join(folder, "documents.json"), "utf8");
    return z.array(z.string()).parse(JSON.parse(text));
  } catch {
    return [];
  }
}

/** All files of the console by their paths; none where it was not built. */
function readFiles(folder: string, engine: Facts): ReadonlyMap<string, HeldFile> {
  const policy = toPolicy(engine);
  const read = (name: string) => {
    const type = CONTENT_TYPES[extname(name)];
    if (type === undefined) return [];
    const built = readFileSync(join(folder, name));
    const file = holdFile(name === "index.html" ? toPage(built, engine) : built, {
      "content-type": type,
      // Names in this folder hold a digest of what is in the file; the page names the newest ones.
      "cache-control": name.startsWith("assets") ? FOR_GOOD : "no-cache",
      "content-security-policy": policy,
    });
    return [[`/console/${name.replaceAll("\\", "/")}`, file] as const];
  };
  try {
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
    return new Map(names.flatMap(read));
  } catch {
    return new Map();
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

type Facts = Pick<OpenEngine, "config">;

/** Writes into the page what it can't ask: whether jobs cost money, what else is there, and whether people sign in. */
function toPage(built: Buffer, { config: { upstream, files, httpAccess } }: Facts): Buffer {
  const words = [
    upstream.kind,
    httpAccess.hasGraphiql && "graphiql",
    `upload-mib-${files.uploadBytes / 1_048_576}`,
    httpAccess.hasSignIns && "login-key",
  ].filter(Boolean);
  return Buffer.from(built.toString().replace("sandbox graphiql", words.join(" ")));
}

/** Pictures and videos may come from any host, as outputs name them; everything else is the gateway's own. */
function toPolicy({ config: { upstream, files } }: Facts): string {
  // Where the gateway's own files are, for a page that was opened by another name of this machine.
  const own = files.publicUrl ?? "http://127.0.0.1:* http://localhost:*";
  // The sandbox's port may be another one after a start.
  const media = `'self' https: data: blob: ${own}${upstream.kind === "sandbox" ? " http://127.0.0.1:*" : ""}`;
  const connect = `'self' ${own}`;
  return toContentPolicy({ script: "'self'", style: "'self'", img: media, media, connect });
}
