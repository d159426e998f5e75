import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

import type { HeldFile } from "../../runtime/held-file.ts";
import { holdFile, sendFile, toContentPolicy } from "../../runtime/held-file.ts";
import { renderGraphiql } from "./graphiql.ts";
import { notFound } from "./refuse.ts";
import { GRAPHQL_PATH } from "./server-parts.ts";

type Options = Parameters<typeof renderGraphiql>[0] & { readonly isOn: boolean };

/** What browsers get where GraphQL is. */
export type Graphiql = ReturnType<typeof openGraphiql>;

/** The page brings all its scripts along, nine megabytes of them, so it is made when it is first asked for. */
export function openGraphiql(options: Options) {
  let page: Promise<HeldFile> | undefined;
  return {
    isOn: options.isOn,
    /** Answers a browser, or returns false for what is no request for the page. */
    async answer(
      request: IncomingMessage,
      response: ServerResponse,
      path: string,
    ): Promise<boolean> {
      // A browser asks for a page, and no program for data.
      const isBrowser = request.headers.accept?.includes("text/html") === true;
      if (path !== GRAPHQL_PATH || request.method !== "GET" || !isBrowser) return false;
      if (!options.isOn) throw NO_PAGE;
      await sendFile(request, response, await (page ??= makePage(options)));
      return true;
    },
  };
}

async function makePage(options: Options): Promise<HeldFile> {
  const page = await renderGraphiql(options);
  return holdFile(Buffer.from(page), {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    "content-security-policy": toPolicy(page),
  });
}

/** The page brings its fonts, pictures and workers along; its one script ends it, and holds the tags of others. */
function toPolicy(page: string): string {
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

const NO_PAGE = notFound(
  "GraphiQL is turned off here. Send GraphQL with the header accept: application/json, or set GRAPHIQL=true.",
);
