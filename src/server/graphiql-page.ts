import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

import { isFinal, JOB_STATUSES } from "../job/job.ts";
import { createTabs, SHOWN_ID } from "./graphiql-tabs.ts";

type Page = { readonly plain: Buffer; readonly zipped: Buffer; readonly policy: string };
type Additions = {
  /** Whether there is a field for the credential that all tabs send. */
  readonly asksCredential: boolean;
};

/**
 * Makes what answers a browser with GraphiQL. The page brings all its scripts along, nine megabytes of them, so it is made
 * and compressed once, and each answer is those same bytes: one that nobody reads costs no memory.
 */
export function createGraphiqlPage(
  options: Parameters<typeof createTabs>[0] & Additions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  let page: Promise<Page> | null = null;
  return async ({ headers }, response) => {
    const { plain, zipped, policy } = await (page ??= render(options));
    const isZipped = /\bgzip\b(?! *; *q=0\b)/.test(String(headers["accept-encoding"]));
    const bytes = isZipped ? zipped : plain;
    response
      .writeHead(200, {
        "content-type": "text/html; charset=utf-8",
        "content-length": bytes.length,
        ...(isZipped && { "content-encoding": "gzip" }),
        "content-security-policy": policy,
      })
      .end(bytes);
  };
}

async function render(options: Parameters<typeof createGraphiqlPage>[0]): Promise<Page> {
  const { renderGraphiQL } = await import("@graphql-yoga/render-graphiql");
  const html = renderGraphiQL({
    title: "RunComfy GraphQL",
    subscriptionsProtocol: "WS",
    // They may hold a key, which the browser would keep for its next user.
    shouldPersistHeaders: false,
    defaultTabs: createTabs(options),
  });
  const page = adaptPage(html, options);
  const plain = Buffer.from(page);
  return { plain, zipped: await promisify(gzip)(plain), policy: toPolicy(page) };
}

/** GraphiQL's page with what is added here. Throws where the page has a form that is not known. */
export function adaptPage(page: string, { asksCredential }: Additions): string {
  const styles = `<style>${STILL_TABS}${asksCredential ? CREDENTIAL_STYLES : ""}</style>`;
  let adapted = replace(page, /<\/head>/, (head) => styles + head);
  if (asksCredential)
    adapted = replace(adapted, /<div id="root">/, (root) => CREDENTIAL_FIELD + root);
  // GraphiQL uses typed headers for requests alone, but sockets need the credential too.
  adapted = replace(
    adapted,
    /return (\w+\(\{document:[^{}]*),variables:(\w+\.variables),extensions:\{headers:(\w+\?\.headers)\}\}\)/,
    (_, call, variables, headers) =>
      `return withNewestJob(${variables},withCredential(${headers}),(variables,extensions)=>${call},variables,extensions}))`,
  );
  return replace(adapted, /YogaGraphiQL\.renderYogaGraphiQL\(/, (start) => OWN_SCRIPT + start);
}

function replace(page: string, part: RegExp, by: (...found: string[]) => string): string {
  if (part.test(page)) return page.replace(part, by);
  throw new Error(
    `GraphiQL's page has nothing like ${part}, so it can't be served. Install the version of @graphql-yoga/render-graphiql that package.json names, or adapt src/server/graphiql-page.ts.`,
  );
}

/** The page brings its fonts, pictures and workers along; its one script ends it, and holds the tags of others. */
function toPolicy(page: string): string {
  const start = page.indexOf("<script>", page.indexOf("</noscript>")) + "<script>".length;
  const script = page.slice(start, page.lastIndexOf("</script>")).replaceAll("\r\n", "\n");
  return [
    "default-src 'none'",
    `script-src 'sha256-${createHash("sha256").update(script).digest("base64")}'`,
    // Its editor writes the styles of what it shows as it goes.
    "style-src 'unsafe-inline'",
    "img-src data:",
    "font-src data:",
    "connect-src 'self'",
    "worker-src blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
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
 * A tab's own headers win, and the schema is read again once the credential is there. GraphiQL shows an error's own
 * fields, and an event has none that tell why a socket closed. A credential that is not accepted (4403) is as final as
 * none (4401), because only the reader can change it. A tab that has no job's id yet gets one of the newest job that has
 * not ended, or else of the newest, and shows it.
 */
const OWN_SCRIPT = `
function withCredential(typed) {
  const credential = document.querySelector("#credential input")?.value.trim().replace(/^bearer +/i, "");
  const headers = new Headers(credential ? { authorization: "Bearer " + credential } : {});
  for (const [name, value] of Object.entries(typed ?? {})) headers.set(name, value);
  const sent = Object.fromEntries(headers);
  // Also where there is none, as the socket's client would keep the last one.
  return { headers: sent, connectionParams: { authorization: undefined, ...sent } };
}
async function withNewestJob(variables, credential, run) {
  if (variables?.id !== ${JSON.stringify(SHOWN_ID)}) return run(variables, credential);
  const answer = await fetch(location.pathname, {
    method: "POST",
    headers: { ...credential.headers, "content-type": "application/json" },
    body: JSON.stringify({ query: ${JSON.stringify(NEWEST_JOBS)} }),
  });
  const { data, errors } = await answer.json();
  const id = [data?.unfinished, data?.all].flatMap((jobs) => jobs?.edges ?? [])[0]?.node.id;
  if (!id) return { errors: errors ?? [{ message: "There is no job yet. Run tab 2, Submit, and then this one." }] };
  const shown = __MONACO.editor.getModels().find(({ uri }) => uri.path.endsWith("variables.json"));
  // Another tab may have been opened meanwhile.
  if (shown?.getValue().includes(variables.id)) shown.setValue(shown.getValue().replace(variables.id, id));
  return run({ ...variables, id }, credential);
}
document.querySelector("#credential input")?.addEventListener("change", () => {
  document.querySelector("[aria-label^='Re-fetch GraphQL schema']")?.click();
});
const closing = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onclose");
Object.defineProperty(WebSocket.prototype, "onclose", {
  set(handle) {
    closing.set.call(this, ({ code, reason }) => {
      const message = reason || "The socket closed with " + code + ". Is the gateway running?";
      handle({ message, __proto__: { code: code === 4403 ? 4401 : code, reason } });
    });
  },
});
`;

/** A tab pressed for the first time would jump away from under the mouse, and the click would be lost. */
const STILL_TABS = ".graphiql-tab { transform: none !important }";
