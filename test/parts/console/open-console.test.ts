import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Logger } from "pino";
import { expect, test } from "vitest";

import { openConsole, readDocuments } from "../../../src/parts/console/open-console.ts";
import { loadConfig } from "../../support/parts.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";
import { HTTP_ACCESS, keepLog, serve } from "../../server/serve.ts";

const BUILT =
  '<!doctype html><title>Console</title><meta name="gateway" content="sandbox graphiql">';
const PAGE = BUILT.replace("sandbox graphiql", "runcomfy graphiql upload-mib-50");
const SCRIPT = "console.log(1)";
const BROWSER = { accept: "text/html,*/*;q=0.8" };

async function serveConsole(variables: Readonly<Record<string, string>> = {}) {
  const folder = await createTemporaryFolder();
  await mkdir(join(folder, "assets"));
  await writeFile(join(folder, "index.html"), BUILT);
  await writeFile(join(folder, "icon.svg"), "<svg/>");
  await writeFile(join(folder, "assets", "index-abc.js"), SCRIPT);
  await writeFile(join(folder, "secret.txt"), "not a part of the page");
  return await serveFrom(folder, variables, keepLog().log);
}

async function serveFrom(folder: string, variables: object, log: Logger) {
  const config = loadConfig({ RUNCOMFY_API_TOKEN: "token", ...variables });
  const { hasGraphiql } = config.httpAccess;
  const opened = openConsole(folder, { config, log });
  return await serve({
    answers: [{ ...opened, name: "console" }],
    httpAccess: { ...HTTP_ACCESS, hasGraphiql },
  });
}

test.each(["/", "/run/warm-glow", "/nothing/here"])(
  "a browser gets the console at %s, which may run no script but its own",
  async (path) => {
    const { url } = await serveConsole();
    const response = await fetch(`${url}${path}`, { headers: BROWSER });
    expect(await response.text()).toBe(PAGE);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
  },
);

test("its files are compressed, and kept for good by browsers", async () => {
  const { url } = await serveConsole();
  const path = `${url}/console/assets/index-abc.js`;
  const zipped = await fetch(path, { headers: { "accept-encoding": "gzip" } });
  expect(await zipped.text()).toBe(SCRIPT);
  expect(zipped.headers.get("content-encoding")).toBe("gzip");
  expect(zipped.headers.get("cache-control")).toContain("immutable");
  const plain = await fetch(path, { headers: { "accept-encoding": "identity" } });
  expect([plain.headers.get("content-encoding"), await plain.text()]).toEqual([null, SCRIPT]);
});

test("what a browser has already is not sent again, and asked for anew where its name never changes", async () => {
  const { url } = await serveConsole();
  for (const path of ["/", "/console/icon.svg"]) {
    const first = await fetch(`${url}${path}`);
    expect(first.headers.get("cache-control")).toBe("no-cache");
    const etag = first.headers.get("etag") ?? "";
    const again = await fetch(`${url}${path}`, { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    const other = await fetch(`${url}${path}`, { headers: { "if-none-match": 'W/"other"' } });
    expect(other.status).toBe(200);
  }
});

test("pictures come over https, and from the sandbox where there is one", async () => {
  for (const isSandbox of [true, false]) {
    const { url } = await serveConsole({ UPSTREAM: isSandbox ? "sandbox" : "runcomfy" });
    const policy = (await fetch(`${url}/`)).headers.get("content-security-policy") ?? "";
    const sources = `'self' https: data: blob: http://127.0.0.1:* http://localhost:*${isSandbox ? " http://127.0.0.1:*" : ""}`;
    expect(policy).toContain(`; img-src ${sources}; media-src ${sources};`);
  }
});

test("the page knows where people sign in once", async () => {
  const { url } = await serveConsole({ AUTH: "api-keys", SIGN_IN: "key" });
  expect(await (await fetch(`${url}/`)).text()).toContain(
    'content="runcomfy graphiql upload-mib-50 login-key"',
  );
});

test("nothing else is given away, nor a page to programs, a POST or where GraphQL is", async () => {
  const { url } = await serveConsole({ GRAPHIQL: "false" });
  const POST = { method: "POST", headers: BROWSER };
  for (const [path, options] of [
    ["/console/secret.txt"],
    ["/console/../package.json"],
    ["/console/%2e%2e/package.json"],
    ["/console/assets/other.js"],
    ["/jobs"],
    ["/jobs", POST],
    ["/graphql", { headers: BROWSER }],
  ] as const)
    expect((await fetch(`${url}${path}`, options)).status, path).toBe(404);
});

test("where it was not built, which is logged, the first path leads to GraphiQL", async () => {
  const { log, lines } = keepLog();
  const { url } = await serveFrom("/nowhere", {}, log);
  expect(lines).toEqual([expect.stringMatching(/not built.*--include=dev/)]);
  const response = await fetch(url, { redirect: "manual" });
  expect([response.status, response.headers.get("location")]).toEqual([302, "/graphql"]);
});

test("what it sends by itself is far shorter than a document may be", () => {
  const lengths = readDocuments("console/dist").map(({ length }) => length);
  expect(lengths.length).toBeGreaterThan(10);
  expect(Math.max(...lengths)).toBeLessThan(5_000);
});
