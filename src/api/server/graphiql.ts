import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

import type { Deployment } from "../../engine/deployments/catalogue.ts";
import type { HeldFile } from "../../runtime/held-file.ts";
import { holdFile, sendFile, toContentPolicy } from "../../runtime/held-file.ts";
import { notFound } from "./refuse.ts";
import type { ServerOptions } from "./server-parts.ts";
import { GRAPHQL_PATH } from "./server-parts.ts";

type Options = Pick<ServerOptions, "example" | "pages"> & {
  readonly isOn: boolean;
  /** Whether there is a field for the credential that all tabs send. */
  readonly asksCredential: boolean;
};

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

const NO_PAGE = notFound(
  "GraphiQL is turned off here. Send GraphQL with the header accept: application/json, or set GRAPHIQL=true.",
);

async function makePage({ example, asksCredential, pages }: Options): Promise<HeldFile> {
  const { renderGraphiQL } = await import("@graphql-yoga/render-graphiql");
  const page = renderGraphiQL({
    title: "RunComfy GraphQL",
    // They may hold a key, which the browser would keep for its next user.
    shouldPersistHeaders: false,
    // Subscriptions too, as event streams: a socket that is refused would be shown as `{ "isTrusted": true }`.
    method: "POST",
    defaultTabs: [{ query: toSubmit(example) }, { query: WATCH }, { query: LIST }],
  });
  const links = pages.map(([title, path]) => `<a href="${path}">← ${title}</a>`);
  const bar = `<div id="bar">${links.join("")}${asksCredential ? CREDENTIAL_FIELD : ""}</div>`;
  const shown = insert(page, '<div id="root">', STYLES + bar);
  const text = insert(shown, "YogaGraphiQL.renderYogaGraphiQL(", OWN_SCRIPT);
  // The one script ends the page, and holds the tags of others.
  const start = text.indexOf("<script>", text.indexOf("</noscript>")) + "<script>".length;
  const script = text.slice(start, text.lastIndexOf("</script>")).replaceAll("\r\n", "\n");
  return holdFile(Buffer.from(text), {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    "content-security-policy": toContentPolicy({
      script: `'sha256-${createHash("sha256").update(script).digest("base64")}'`,
      // Its editor writes the styles of what it shows as it goes.
      ...{ style: "'unsafe-inline'", img: "data:", font: "data:" },
      ...{ connect: "'self'", worker: "blob:" },
    }),
  });
}

function insert(page: string, before: string, added: string): string {
  if (page.includes(before)) return page.replace(before, () => added + before);
  throw new Error(
    `GraphiQL's page has no ${before}. Install the @graphql-yoga/render-graphiql that package.json names, or adapt src/api/server/graphiql.ts.`,
  );
}

/** Only the field keeps it, so that the browser forgets it with the page. */
const CREDENTIAL_FIELD = `<label>Credential
  <input id="credential" type="password" autocomplete="off" placeholder="API key or token, for all tabs" />
</label>`;

/** A tab pressed for the first time would jump away from under the mouse, and what is run then would be another's. */
const STYLES = `<style>
  .graphiql-tab { transform: none !important }
  body { margin: 0; display: flex; flex-direction: column; height: 100vh }
  #root { flex: 1; min-height: 0; .graphiql-container { height: 100% } }
  #bar { font: 15px system-ui, sans-serif; > * { display: inline-block; margin: 8px 16px; color: hsl(219 28% 32%) } }
  #credential { width: 24em; padding: 4px 8px; font: inherit }
</style>`;

/** The credential goes with each request, event streams included, unless the tab's own headers have one. */
const OWN_SCRIPT = `
const field = document.querySelector("#credential");
field?.addEventListener("change", () => document.querySelector("[aria-label^='Re-fetch GraphQL schema']")?.click());
const send = fetch;
globalThis.fetch = (url, options) => {
  const headers = new Headers(options.headers);
  const credential = field?.value.trim().replace(/^bearer +/i, "");
  if (credential && !headers.has("authorization")) headers.set("authorization", "Bearer " + credential);
  return send(url, { ...options, headers });
};
`;

/** The vendor's example; a deployment whose fields are known gets those of them that it has. */
const EXAMPLE_INPUT = {
  prompt: "Make the scene feel warmer and more cinematic. Add a subtle orange glow.",
  ctrl_img_1:
    "https://playgrounds-storage-public.runcomfy.net/tools/7063/media-files/usecase1-1-input.webp",
};

function toSubmit(example: Deployment | null): string {
  const names = example?.input?.shape?.fields.map(({ name }) => name);
  const fields = Object.entries(EXAMPLE_INPUT).filter(([name]) => names?.includes(name) ?? true);
  const input = fields.map(([name, value]) => `\n      ${name}: ${JSON.stringify(value)}`).join("");
  // Not as a variable: GraphiQL marks any object of type JSON there as wrong.
  return `# 1. Run a job; tab 3 shows the deployments' ids
mutation Submit {
  submitJob(
    deploymentId: ${JSON.stringify(example?.id ?? "…")}
    input: {${input}
    }
  ) {
    __typename
    ... on SubmitJobSuccess { job { id status } }
    ... on InvalidInputError { issues { path message } }
    ... on Error { message }
  }
}
`;
}

const WATCH = `# 2. Watch your jobs: what there is, then each change
subscription Watch {
  jobsUpdated(after: "") {
    reset
    job { id status queuePosition assets { url } }
  }
}
`;

const LIST = `# 3. What can be run here, and what was
query List {
  deployments { id name description }
  jobs(first: 10) { edges { node { id status createdAt } } }
}
`;
