import { createServer } from "node:http";

import type { Page, Request } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";

import { createApiKeysFile } from "../auth/api-keys-file.ts";
import { start } from "../gateway/open-gateway.ts";
import { closeBrowser, hasChromium, openPage } from "../support/chromium.ts";
import { listen } from "../support/listen.ts";

const JSON_TYPE = '{ "content-type": "application/json" }';
const WHO = `JSON.stringify({ query: "{ viewer { id } }" })`;
const SUBMIT = `JSON.stringify({ query: 'mutation { submitJob(deploymentId: "d", input: { prompt: "a" }) { __typename } }' })`;
const FEED = encodeURIComponent("subscription { jobsUpdated { cursor } }");

afterAll(closeBrowser);

/** Signed in at a gateway on loopback, and a page of another port, whose requests a browser counts as the same site. */
async function open({ isListed }: { readonly isListed: boolean }) {
  const server = await listen(
    createServer((_request, response) => {
      response.setHeader("content-type", "text/html").end("<title>Foreign</title>");
    }),
  );
  const keys = await createApiKeysFile();
  const key = await keys.create("anna");
  const gateway = await start({
    AUTH: "api-keys",
    API_KEYS_FILE: keys.file,
    SIGN_IN: "key",
    ...(isListed && { CORS_ORIGINS: server.origin }),
  });
  const { page } = await openPage();
  await page.goto(`${gateway.url}/health`);
  // What the gateway says of a page that is none forbids its scripts; this one has the console's policy.
  await page.goto(`${gateway.url}/console/index.html`);
  const status = await page.evaluate(`fetch("/console/sign-in", { method: "POST",
    headers: { ...${JSON_TYPE}, authorization: "Bearer ${key}" } }).then(({ status }) => status)`);
  expect(status).toBe(204);
  const foreign = await page.context().newPage();
  await foreign.goto(server.origin);
  return { ...gateway, key, page, foreign };
}

/** Who the page is to the gateway, over HTTP and a socket. */
async function askWho(page: Page): Promise<unknown> {
  return await page.evaluate(`Promise.all([
    fetch("/graphql", { method: "POST", headers: ${JSON_TYPE}, body: ${WHO} })
      .then((response) => response.json()).then(({ data }) => data?.viewer.id ?? "nobody"),
    ${toSocket("location.origin")},
  ])`);
}

/** What comes of a socket that greets without a credential: its first message, or the code with which it is closed. */
function toSocket(origin: string): string {
  return `new Promise((resolve) => {
    const socket = new WebSocket(${origin}.replace("http", "ws") + "/graphql", "graphql-transport-ws");
    socket.onopen = () => socket.send('{"type":"connection_init"}');
    socket.onmessage = ({ data }) => resolve(JSON.parse(data).type);
    socket.onclose = ({ code }) => resolve(code);
  })`;
}

describe.skipIf(!hasChromium)("in a browser", { timeout: 90_000 }, () => {
  test("a sign-in outlives a reload, is shared by tabs, is hidden from scripts, and ends in all of them", async () => {
    const { page, url } = await open({ isListed: false });
    expect(await page.evaluate("document.cookie")).toBe("");
    await page.reload();
    expect(await askWho(page)).toEqual(["anna", "connection_ack"]);
    const other = await page.context().newPage();
    await other.goto(`${url}/console/index.html`);
    expect(await askWho(other)).toEqual(["anna", "connection_ack"]);
    const signedOut = await other.evaluate(`fetch("/console/sign-out",
      { method: "POST", headers: ${JSON_TYPE} }).then(({ status }) => status)`);
    expect(signedOut).toBe(204);
    expect(await page.context().cookies()).toEqual([]);
    for (const tab of [page, other]) expect(await askWho(tab)).toEqual(["nobody", 4401]);
  });

  test.each([
    ["is not listed", false],
    ["is in CORS_ORIGINS", true],
  ])("a page of another port that %s gets nothing by it", async (_case, isListed) => {
    const { page, foreign, url, key, ask: _ask, answer } = await open({ isListed });
    const sent: Request[] = [];
    foreign.context().on("request", (request) => void sent.push(request));
    const tell = (script: string) => foreign.evaluate(script);
    const post = (options: string) =>
      `fetch("${url}/graphql", { method: "POST", credentials: "include", ${options} })
        .then((response) => response.text()).catch(() => "refused")`;
    // As any page may send without asking first.
    for (const path of ["graphql", "console/sign-out"])
      for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
        expect(
          await tell(`fetch("${url}/${path}", { method: "POST", mode: "no-cors", credentials: "include",
            headers: { "content-type": "${type}" }, body: ${SUBMIT} }).catch(() => "refused")`),
        ).toBe("refused");
    for (const body of [SUBMIT, WHO])
      expect(await tell(post(`headers: ${JSON_TYPE}, body: ${body}`))).toBe("refused");
    const stream = `headers: { ...${JSON_TYPE}, accept: "text/event-stream" }`;
    expect(
      await tell(post(`${stream}, body: JSON.stringify({ query: decodeURIComponent("${FEED}") })`)),
    ).toBe("refused");
    expect(
      await tell(`new Promise((resolve) => {
        const events = new EventSource("${url}/graphql?query=${FEED}", { withCredentials: true });
        events.onmessage = events.onopen = () => resolve("open");
        events.onerror = () => resolve("refused");
      })`),
    ).toBe("refused");
    expect(
      await tell(`new Promise((resolve) => {
        const image = new Image();
        image.onload = () => resolve("shown");
        image.onerror = () => resolve("refused");
        image.src = "${url}/graphql?query=" + encodeURIComponent("{ viewer { id } }");
      })`),
    ).toBe("refused");
    // A browser tells its page nothing of a refused upgrade but 1006; the gateway closes a listed page's with 4401.
    expect(await tell(toSocket(`"${url}"`))).toBe(isListed ? 4401 : 1006);
    await submitForm(foreign, url);

    // All that got by without the cookie would prove nothing.
    const headers = await Promise.all(
      sent.filter((one) => one.url().startsWith(url)).map(toHeaders),
    );
    const kinds = headers.filter(({ cookie }) => cookie?.startsWith("runcomfy-session-"));
    expect(new Set(kinds.map(({ kind }) => kind))).toEqual(
      new Set(["POST fetch", "GET eventsource", "GET image", "POST document"]),
    );
    expect(await askWho(page)).toEqual(["anna", "connection_ack"]);
    expect(await answer("{ jobs { totalCount } }", {}, key)).toEqual({
      data: { jobs: { totalCount: 0 } },
    });
  });
});

async function toHeaders(request: Request) {
  const { cookie } = await request.allHeaders();
  return { cookie, kind: `${request.method()} ${request.resourceType()}` };
}

/** A form that a page can send anywhere; its text is JSON. */
async function submitForm(page: Page, url: string): Promise<void> {
  await page.evaluate(`{
    document.body.innerHTML = '<form method="post" enctype="text/plain" action="${url}/graphql"><input></form>';
    const [name, value] = ${SUBMIT}.split(":", 2);
    document.querySelector("input").name = ${SUBMIT};
  }`);
  const answered = page.waitForResponse((response) => response.request().method() === "POST");
  await page.evaluate("document.querySelector('form').submit()");
  expect((await answered).status()).toBe(415);
}
