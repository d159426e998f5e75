import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

import { isFinal, JOB_STATUSES } from "../job/job.ts";
import { createTabs, SHOWN_ID } from "./graphiql-tabs.ts";
import type { HeldFile } from "./held-file.ts";
import { holdFile, sendHeld, toContentPolicy } from "./held-file.ts";

type Options = Parameters<typeof createTabs>[0] & {
  /** Whether there is a field for the credential that all tabs send. */
  readonly asksCredential: boolean;
};

/**
 * Makes what answers a browser with GraphiQL. The page brings all its scripts along, nine megabytes of them, so it is made
 * when it is first asked for.
 */
export function createGraphiqlPage(
  options: Options,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  let page: Promise<HeldFile> | null = null;
  return async (request, response) => sendHeld(request, response, await (page ??= render(options)));
}

async function render(options: Options): Promise<HeldFile> {
  const { renderGraphiQL } = await import("@graphql-yoga/render-graphiql");
  const html = renderGraphiQL({
    title: "RunComfy GraphQL",
    // They may hold a key, which the browser would keep for its next user.
    shouldPersistHeaders: false,
    defaultTabs: createTabs(options),
  });
  const page = adaptPage(html, options.asksCredential);
  return await holdFile(Buffer.from(page), {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    "content-security-policy": toPolicy(page),
  });
}

/** GraphiQL's page with what is added here. Throws where the page has a form that is not known. */
export function adaptPage(page: string, asksCredential: boolean): string {
  const additions = [
    ["</head>", `<style>${STILL_TABS}${asksCredential ? CREDENTIAL_STYLES : ""}</style>`],
    ['<div id="root">', asksCredential ? CREDENTIAL_FIELD : ""],
    ["YogaGraphiQL.renderYogaGraphiQL(", OWN_SCRIPT],
  ] as const;
  return additions.reduce((adapted, [before, added]) => {
    if (adapted.includes(before)) return adapted.replace(before, () => added + before);
    throw new Error(`GraphiQL's page has no ${before}, so it can't be served. ${NEXT_STEP}`);
  }, page);
}

const NEXT_STEP =
  "Install the version of @graphql-yoga/render-graphiql that package.json names, or adapt src/server/graphiql-page.ts.";

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

/** Only the field keeps it, so that the browser forgets it with the page. */
const CREDENTIAL_FIELD = `<label id="credential">Credential
  <input type="password" autocomplete="off" placeholder="API key or token, for all tabs" />
</label>`;

const CREDENTIAL_STYLES = `
  body { margin: 0; display: flex; flex-direction: column; height: 100vh }
  #root { flex: 1; min-height: 0 }
  .graphiql-container { height: 100% }
  #credential { padding: 8px 16px; font: 15px system-ui, sans-serif; color: hsl(219 28% 32%); background: hsl(219 28% 92%) }
  #credential input { width: 24em; padding: 4px 8px; font: inherit; border: 1px solid hsl(219 28% 72%); border-radius: 4px }
`;

const UNFINISHED = JOB_STATUSES.filter((status) => !isFinal(status)).join(" ");
const NEWEST_JOBS = `{
  unfinished: jobs(first: 1, filter: { status: [${UNFINISHED}] }) { edges { node { id } } }
  all: jobs(first: 1) { edges { node { id } } }
}`;

/**
 * All of GraphiQL's requests, event streams among them, go through the page's `fetch`. A tab's own headers win over the
 * credential, and the schema is read again once that is there. A tab that has no job's id yet gets one of the newest job
 * that has not ended, or else of the newest, and shows it.
 */
const OWN_SCRIPT = `
const send = globalThis.fetch;
globalThis.fetch = async (url, options) => {
  const headers = new Headers(options.headers);
  const credential = document.querySelector("#credential input")?.value.trim().replace(/^bearer +/i, "");
  if (credential && !headers.has("authorization")) headers.set("authorization", "Bearer " + credential);
  // A query's variables are in the body, a subscription's in the URL.
  const asked = [url, options.body ?? ""];
  if (!asked.some((text) => text.includes("${SHOWN_ID}"))) return send(url, { ...options, headers });
  const answer = await send(location.pathname, {
    method: "POST",
    headers: { ...Object.fromEntries(headers), accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify({ query: ${JSON.stringify(NEWEST_JOBS)} }),
  });
  const { data, errors } = await answer.json();
  const id = [data?.unfinished, data?.all].flatMap((jobs) => jobs?.edges ?? [])[0]?.node.id;
  if (!id) return Response.json({ errors: errors ?? [{ message: "There is no job yet. Run tab 2, Submit, and then this one." }] });
  const shown = __MONACO.editor.getModels().find(({ uri }) => uri.path.endsWith("variables.json"));
  const show = (text) => text.replace("${SHOWN_ID}", id);
  // Another tab may have been opened meanwhile.
  shown?.setValue(show(shown.getValue()));
  const [to, body] = asked.map(show);
  return send(to, { ...options, headers, ...(body && { body }) });
};
document.querySelector("#credential input")?.addEventListener("change", () => {
  document.querySelector("[aria-label^='Re-fetch GraphQL schema']")?.click();
});
`;

/** A tab pressed for the first time would jump away from under the mouse, and the click would be lost. */
const STILL_TABS = ".graphiql-tab { transform: none !important }";
