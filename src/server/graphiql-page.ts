import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

import type { GraphiQLOptions } from "graphql-yoga";

import { pagePolicy } from "./security-headers.ts";

type Page = { readonly plain: Buffer; readonly zipped: Buffer; readonly policy: string };

/**
 * Makes what answers a browser with GraphiQL. The page brings all its scripts along, nine megabytes of them, so it is
 * made and compressed once, and each answer is those same bytes: one that nobody reads costs no memory.
 */
export function createGraphiqlPage(
  options: GraphiQLOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  let page: Promise<Page> | null = null;
  return async ({ headers }, response) => {
    const { plain, zipped, policy } = await (page ??= render(options));
    const isZipped = acceptsGzip(headers["accept-encoding"] ?? "");
    response
      .writeHead(200, {
        "content-type": "text/html; charset=utf-8",
        "content-length": isZipped ? zipped.length : plain.length,
        ...(isZipped && { "content-encoding": "gzip" }),
        "content-security-policy": policy,
      })
      .end(isZipped ? zipped : plain);
  };
}

/** Whether a browser asks for a page, and no program for data. */
export function wantsPage({ method = "", headers }: IncomingMessage): boolean {
  return method === "GET" && (headers.accept ?? "").includes("text/html");
}

async function render(options: GraphiQLOptions): Promise<Page> {
  const { renderGraphiQL } = await import("@graphql-yoga/render-graphiql");
  const page = renderGraphiQL(options)
    .replace("</head>", `${STILL_TABS}</head>`)
    .replace(HEADERS_OF_A_TAB, "extensions:{headers:$1?.headers,connectionParams:$1?.headers}");
  const plain = Buffer.from(page);
  return { plain, zipped: await promisify(gzip)(plain), policy: pagePolicy(hashOfScript(page)) };
}

/** Where the page hands on what was typed as headers: to requests alone, but a credential is for sockets too. */
const HEADERS_OF_A_TAB = /extensions:\{headers:(\w+)\?\.headers\}/;

/** Of the one script, which ends the page and holds the tags of others in its texts. */
function hashOfScript(page: string): string {
  const start = page.indexOf("<script>", page.indexOf("</noscript>")) + "<script>".length;
  const script = page.slice(start, page.lastIndexOf("</script>"));
  return `sha256-${createHash("sha256").update(script.replaceAll("\r\n", "\n")).digest("base64")}`;
}

/** A tab that is pressed for the first time would jump away from under the mouse, and the click be lost. */
const STILL_TABS = "<style>.graphiql-tab { transform: none !important }</style>";

function acceptsGzip(encodings: string): boolean {
  return /\bgzip\b(?! *; *q=0\b)/.test(encodings);
}
