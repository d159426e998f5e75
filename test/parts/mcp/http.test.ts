import { expect, test } from "vitest";

import { createApiKeysFile } from "../../auth/api-keys-file.ts";
import { AUDIENCE, createSigner, ISSUER, keysOf, sign, startKeyServer } from "../../auth/issuer.ts";
import { start } from "../../gateway/open-gateway.ts";
import { signIn } from "../../gateway/signed-in.ts";
import { connect } from "./connect.ts";

const PING = { jsonrpc: "2.0", id: 1, method: "ping" };

/** Sends a body as an old client would, and these headers. */
function send(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  return fetch(new URL("/mcp", url), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

test("what is no message is refused with the next step, and nothing else is said", async () => {
  const { url } = await start();
  const cases = [
    { body: [PING, PING], status: 400, says: "a list of messages" },
    { body: "{", status: 400, says: "no request of JSON-RPC" },
    { body: { ...PING, id: [] }, status: 400, says: "no request of JSON-RPC" },
    { body: { ...PING, method: 1 }, status: 400, says: "no request of JSON-RPC" },
    { body: { ...PING, params: [] }, status: 400, says: "no request of JSON-RPC" },
    { body: "null", status: 400, says: "no request of JSON-RPC" },
    { body: "[".repeat(200), status: 400, says: "nested deeper than 80 levels. Flatten" },
    { body: PING, headers: { "content-type": "text/plain" }, status: 415, says: "must be JSON" },
    { body: PING, headers: { "content-encoding": "gzip" }, status: 415, says: "unpacks no bodies" },
    { body: PING, headers: { origin: "https://evil.example" }, status: 403, says: "CORS_ORIGINS" },
    { body: `"${"x".repeat(300_000)}"`, status: 413, says: "larger than 256 KiB" },
  ];
  for (const { body, headers, status, says } of cases) {
    const response = await send(url, body, headers);
    expect({ status: response.status, text: await response.text() }).toEqual({
      status,
      text: expect.stringContaining(says),
    });
  }
  const read = await fetch(new URL("/mcp", url), { headers: { accept: "text/event-stream" } });
  expect(read.status).toBe(405);
  expect(read.headers.get("allow")).toBe("POST, OPTIONS");
  expect((await send(url, PING)).status).toBe(200);
  expect((await send(url, PING, { origin: url })).status).toBe(200);
});

test("a page that may call may send the protocol's headers", async () => {
  const origin = "https://app.example.com";
  const { url } = await start({ CORS_ORIGINS: origin });
  const response = await fetch(new URL("/mcp", url), { method: "OPTIONS", headers: { origin } });
  expect(response.headers.get("access-control-allow-headers")).toContain("mcp-protocol-version");
  expect(response.headers.get("access-control-allow-methods")).toBe("POST");
});

test("it is off in production, and nothing of it is there, unless MCP is set", async () => {
  const production = { NODE_ENV: "production" };
  const off = await start(production);
  expect((await send(off.url, PING)).status).toBe(404);
  const on = await start({ ...production, MCP: "true" });
  expect((await send(on.url, PING)).status).toBe(200);
  const unwanted = await start({ MCP: "false" });
  expect((await send(unwanted.url, PING)).status).toBe(404);
});

test("without a credential nothing is answered, and a rate holds as everywhere", async () => {
  const keys = await createApiKeysFile();
  const key = await keys.create("web", "--requests-per-second", "2");
  const { url } = await start({ AUTH: "api-keys", API_KEYS_FILE: keys.file });
  const missing = await send(url, PING);
  expect(missing.status).toBe(401);
  expect(missing.headers.get("www-authenticate")).toBe("Bearer");
  // Keys come from no server that a client could ask.
  const metadata = await fetch(new URL("/.well-known/oauth-protected-resource/mcp", url));
  expect(metadata.status).toBe(404);
  const headers = { authorization: `Bearer ${key}` };
  const all = await Promise.all(Array.from({ length: 5 }, () => send(url, PING, headers)));
  const statuses = all.map(({ status }) => status).toSorted((a, b) => a - b);
  expect(statuses.slice(0, 2)).toEqual([200, 200]);
  expect(statuses.at(-1)).toBe(429);
});

test("with JWTs, the metadata of RFC 9728 says whose are taken, and every 401 leads there", async () => {
  const signer = await createSigner();
  const { url: keysUrl } = await startKeyServer(keysOf(signer));
  const jwt = { JWT_JWKS_URL: keysUrl, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE };
  const { url } = await start({ AUTH: "jwt", ...jwt });
  const asked = await start({ AUTH: "jwt", ...jwt, MCP: "true" });
  expect(asked.warnings()).toEqual([expect.stringMatching(/log in.*Set PUBLIC_URL/)]);
  const metadataUrl = `${url}/.well-known/oauth-protected-resource/mcp`;
  const missing = await send(url, PING);
  expect(missing.status).toBe(401);
  expect(missing.headers.get("www-authenticate")).toBe(`Bearer resource_metadata="${metadataUrl}"`);
  const wrong = await send(url, PING, { authorization: "Bearer wrong" });
  expect(wrong.headers.get("www-authenticate")).toBe(
    `Bearer error="invalid_token", resource_metadata="${metadataUrl}"`,
  );
  for (const path of [metadataUrl, `${url}/.well-known/oauth-protected-resource`]) {
    const metadata = await fetch(path);
    expect(await metadata.json()).toMatchObject({
      resource: `${url}/mcp`,
      authorization_servers: [ISSUER],
      // Clients ask for all that is listed, so it has nothing that only people should do.
      scopes_supported: ["jobs:submit", "jobs:cancel", "jobs:read"],
      bearer_methods_supported: ["header"],
    });
  }
  const key = await sign(signer, { scope: "jobs:read" });
  const client = await connect(url, { key });
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain("get_job");
});

test("who is signed in at the gateway's own page is nobody here", async () => {
  const keys = await createApiKeysFile();
  const key = await keys.create("anna");
  const { url } = await start({
    AUTH: "api-keys",
    API_KEYS_FILE: keys.file,
    SIGN_IN: "key",
    MCP: "true",
  });
  const cookie = await signIn(url, key);
  expect((await send(url, PING, { origin: url, cookie })).status).toBe(401);
  expect((await send(url, PING, { origin: url, authorization: `Bearer ${key}` })).status).toBe(200);
});
