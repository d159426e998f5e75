import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

import type { GraphiQLOptions } from "graphql-yoga";

type Page = { readonly plain: Buffer; readonly zipped: Buffer };

/**
 * Makes what answers a browser with GraphiQL. The page brings all its scripts along, nine megabytes of them, so it is
 * made and compressed once, and each answer is those same bytes: one that nobody reads costs no memory.
 */
export function createGraphiqlPage(
  options: GraphiQLOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  let page: Promise<Page> | null = null;
  return async ({ headers }, response) => {
    const { plain, zipped } = await (page ??= render(options));
    const isZipped = acceptsGzip(headers["accept-encoding"] ?? "");
    response
      .writeHead(200, {
        "content-type": "text/html; charset=utf-8",
        "content-length": isZipped ? zipped.length : plain.length,
        ...(isZipped && { "content-encoding": "gzip" }),
        vary: "accept, accept-encoding",
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
  const plain = Buffer.from(renderGraphiQL(options).replace("</head>", `${STILL_TABS}</head>`));
  return { plain, zipped: await promisify(gzip)(plain) };
}

/** A tab that is pressed for the first time would jump away from under the mouse, and the click be lost. */
const STILL_TABS = "<style>.graphiql-tab { transform: none !important }</style>";

function acceptsGzip(encodings: string): boolean {
  return /\bgzip\b(?! *; *q=0\b)/.test(encodings);
}
