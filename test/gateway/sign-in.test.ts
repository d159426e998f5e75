import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect, onTestFinished, test } from "vitest";

import { createApiKeysFile, idOf } from "../auth/api-keys-file.ts";
import { AUDIENCE, createSigner, ISSUER, keysOf, sign, startKeyServer } from "../auth/issuer.ts";
import {
  closing,
  INIT,
  init,
  keepMessages,
  nextMessage,
  subscribe,
} from "../server/open-socket.ts";
import { post } from "../server/serve.ts";
import { collectStatements } from "../support/collect-statements.ts";
import { exchange } from "../support/raw-socket.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { DATABASES, KINDS, start } from "./open-gateway.ts";
import { askWho, openSocketWith, postTo, signIn, toCookie } from "./signed-in.ts";

const FEED = "subscription { jobsUpdated { cursor } }";
const LISTED = "https://app.example.com";

/** A gateway on which people sign in with API keys, and two keys. */
async function open(
  variables: Readonly<Record<string, string>> = {},
  options: Parameters<typeof start>[1] = {},
) {
  const keys = await createApiKeysFile();
  const [anna, ben] = [await keys.create("anna"), await keys.create("ben")];
  const environment = {
    AUTH: "api-keys",
    API_KEYS_FILE: keys.file,
    SIGN_IN: "key",
    CORS_ORIGINS: LISTED,
    ...variables,
  };
  const gateway = await start(environment, options);
  const { url } = gateway;
  return { ...gateway, environment, keys, anna, ben, page: { origin: url } };
}

/** Greets without a credential, and gives what comes back: a message, or how the socket is closed. */
async function greetWith(url: string, headers: Readonly<Record<string, string>>, greeting = INIT) {
  const socket = openSocketWith(url, headers);
  await once(socket, "open");
  socket.send(greeting);
  return await Promise.race([
    nextMessage(socket),
    closing(socket).then(({ code }) => `closed with ${String(code)}`),
  ]);
}

const ACK = '{"type":"connection_ack"}';

function streamFrom(url: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  const wanted = { accept: "text/event-stream", ...headers };
  return post(`${url}/graphql`, { query: FEED }, wanted);
}

test("who signs in gets a cookie that lets the gateway's own page post and open sockets and event streams", async () => {
  const { url, anna, page, gateway } = await open();
  const response = await postTo(url, "sign-in", { authorization: `Bearer ${anna}` });
  expect([response.status, await response.text()]).toEqual([204, ""]);
  expect(response.headers.get("set-cookie")).toMatch(
    new RegExp(
      `^runcomfy-session-${gateway.port}=[\\w-]{43}\\.[\\w-]{43}; Path=/; Max-Age=25(91999|92000); HttpOnly; SameSite=Strict$`,
    ),
  );
  expect(response.headers.has("access-control-allow-origin")).toBe(false);
  const cookie = toCookie(response);
  expect(await askWho(url, { ...page, cookie })).toEqual([200, "anna"]);
  expect(await askWho(url, { ...page, cookie: `a=b; ${cookie}; c=d` })).toEqual([200, "anna"]);
  expect(await greetWith(url, { ...page, cookie })).toBe(ACK);
  const stream = await streamFrom(url, { ...page, cookie });
  expect(stream.status).toBe(200);
  await stream.body?.cancel();
});

test("behind TLS only PUBLIC_URL's page may, with a cookie of that host alone", async () => {
  const origin = "https://gateway.example.com";
  const { url, anna, page } = await open({ PUBLIC_URL: origin });
  expect((await postTo(url, "sign-in", { authorization: `Bearer ${anna}` })).status).toBe(403);
  const response = await postTo(url, "sign-in", { authorization: `Bearer ${anna}`, origin });
  expect(response.headers.get("set-cookie")).toMatch(
    /^__Host-runcomfy-session=\S+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict; Secure$/,
  );
  const cookie = toCookie(response);
  expect(await askWho(url, { origin, cookie })).toEqual([200, "anna"]);
  expect(await askWho(url, { ...page, cookie })).toEqual([401, "UNAUTHENTICATED"]);
  const plain = "http://gateway.example.com";
  expect(await askWho(url, { origin: plain, cookie })).toEqual([401, "UNAUTHENTICATED"]);
});

test("without PUBLIC_URL the page's host and port count, and over plain http a browser would keep no cookie", async () => {
  const { url, anna, gateway } = await open();
  const authorization = `Bearer ${anna}`;
  const sent = { authorization, "content-type": "application/json" };
  const at = (host: string, scheme: string) =>
    postRaw(gateway.port, "/sign-in", { ...sent, host, origin: `${scheme}://${host}` });
  expect(await at("gateway.example.com", "https")).toMatch(/^HTTP\/1\.1 204 .*__Host-runcomfy/s);
  expect(await at("gateway.example.com", "http")).toMatch(/^HTTP\/1\.1 403 .*only over https/s);
  expect(await at("localhost:81", "http")).toMatch(/^HTTP\/1\.1 204 .*runcomfy-session-81=/s);
  const other = { authorization, origin: url.replace(/\d+$/, "81") };
  expect((await postTo(url, "sign-in", other)).status).toBe(403);
});

test("nothing else may use it: no GET, no other page, listed or not, and none that does not say who it is", async () => {
  const { url, anna, page } = await open();
  const cookie = await signIn(url, anna);
  const others = [
    LISTED,
    "null",
    url.replace("127.0.0.1", "localhost"),
    `${url}0`,
    "https://evil.example",
  ];
  for (const headers of [{ cookie }, ...others.map((origin) => ({ cookie, origin }))]) {
    expect(await askWho(url, headers), JSON.stringify(headers)).toEqual([401, "UNAUTHENTICATED"]);
    const stream = await streamFrom(url, headers);
    expect([stream.status, stream.headers.has("access-control-allow-credentials")]).toEqual([
      401,
      false,
    ]);
    for (const path of ["sign-in", "sign-out"]) {
      const authorization = `Bearer ${anna}`;
      const sent = { "content-type": "application/json", authorization, ...headers };
      const refused = await fetch(`${url}/${path}`, { method: "POST", headers: sent });
      expect([refused.status, refused.headers.has("set-cookie")]).toEqual([403, false]);
    }
  }
  expect(await greetWith(url, { cookie })).toBe("closed with 4401");
  expect(await greetWith(url, { cookie, origin: LISTED })).toBe("closed with 4401");
  for (const query of ["{viewer{id}}", FEED])
    for (const accept of ["application/json", "text/event-stream"]) {
      const asked = `${url}/graphql?query=${encodeURIComponent(query)}`;
      const answer = await fetch(asked, { headers: { ...page, cookie, accept } });
      expect(answer.status).toBe(401);
    }
  const plain = { ...page, cookie, "content-type": "text/plain" };
  expect((await post(`${url}/graphql`, { query: "{viewer{id}}" }, plain)).status).toBe(415);
  expect((await postTo(url, "sign-out", plain)).status).toBe(415);
  const got = await fetch(`${url}/sign-in`, { headers: { ...page, accept: "text/html" } });
  expect([got.status, got.headers.get("allow")]).toEqual([405, "POST"]);
  expect(await askWho(url, { ...page, cookie })).toEqual([200, "anna"]);
});

test("an Authorization wins, and is not rescued when it is refused", async () => {
  const { url, anna, ben, page } = await open();
  const cookie = await signIn(url, anna);
  const ask = (authorization: string) => askWho(url, { ...page, cookie, authorization });
  expect(await ask(`Bearer ${ben}`)).toEqual([200, "ben"]);
  expect(await ask("Bearer nobody")).toEqual([401, "UNAUTHENTICATED"]);
  expect(await ask("")).toEqual([401, "UNAUTHENTICATED"]);
  const greet = (authorization: unknown) =>
    greetWith(url, { ...page, cookie }, init({ authorization }));
  expect(await greet(`Bearer ${ben}`)).toBe(ACK);
  expect(await greet("Bearer nobody")).toBe("closed with 4403");
  expect(await greet("")).toBe("closed with 4401");
  // Nor does the header of an upgrade let the cookie through, though nobody is let in by it.
  const upgrade = { ...page, cookie, authorization: `Bearer ${anna}` };
  expect(await greetWith(url, upgrade)).toBe("closed with 4401");
});

test("what is made up, altered, or there twice lets nobody in, and asks the database nothing", async () => {
  const { channels, statements } = collectStatements();
  const { url, anna, page } = await open({}, { channels });
  const cookie = await signIn(url, anna);
  const [name = "", id = ""] = cookie.split("=");
  const [random = "", mark = ""] = id.split(".");
  const shown = [
    random,
    `${random}.`,
    `.${mark}`,
    `${mark}.${mark}`,
    `${id}A`,
    "",
    "x".repeat(9_000),
  ];
  const values = [...shown, `${random.slice(1)}A.${mark}`].map((value) => `${name}=${value}`);
  statements.length = 0;
  for (const sent of [...values, `${cookie}; ${name}=other`, `runcomfy-session-1=${id}`])
    expect(await askWho(url, { ...page, cookie: sent }), sent).toEqual([401, "UNAUTHENTICATED"]);
  // Nor does a request without one.
  expect(await askWho(url, { authorization: `Bearer ${anna}` })).toEqual([200, "anna"]);
  expect(statements.filter((sql) => sql.includes("sign_ins") && !sql.includes("expired"))).toEqual(
    [],
  );
});

test("the database has a hash of what the browser shows, and nothing of the key", async () => {
  const file = join(await createTemporaryFolder(), "gateway.db");
  const { url, anna, keys } = await open({ DATABASE_URL: `file:${file}` });
  const cookie = await signIn(url, anna);
  using database = new DatabaseSync(file, { readOnly: true });
  const rows = database.prepare("select * from sign_ins").all();
  expect(rows).toMatchObject([
    {
      owner_id: "anna",
      scopes: '["jobs:submit","jobs:cancel","jobs:read"]',
      credential_id: idOf(anna),
      signed_by: expect.stringContaining(`${idOf(anna)} `),
      needs_approval: 0,
    },
  ]);
  const text = JSON.stringify(rows);
  const [, , secret = "none"] = /^rck_(\w+?)_(.+)$/.exec(anna) ?? [];
  const stored = JSON.parse(await readFile(keys.file, "utf8")).keys[0];
  const shown = cookie.slice(cookie.indexOf("=") + 1);
  for (const hidden of [secret, stored.hash, stored.salt, ...shown.split(".")])
    expect(text).not.toContain(hidden);
});

/** Opens a socket with a subscription, and an event stream. `over` resolves with the socket's close when both have ended. */
async function openLasting(url: string, headers: Readonly<Record<string, string>>) {
  const socket = openSocketWith(url, headers);
  await once(socket, "open");
  socket.send(INIT);
  await nextMessage(socket);
  const messages = keepMessages(socket);
  socket.send(subscribe("1", FEED));
  socket.send(subscribe("2", "{ viewer { id } }"));
  await expect.poll(() => messages.join()).toContain('"anna"');
  const stream = await streamFrom(url, headers);
  expect(stream.status).toBe(200);
  return {
    socket,
    over: Promise.all([closing(socket), stream.text().catch(() => "cut")]).then(
      ([{ code, reason }, text]) => ({ code, reason, text }),
    ),
  };
}

test.each(KINDS)(
  "on %s a sign-out ends the sign-in with its sockets and streams on all gateways, and no other",
  async (kind) => {
    const variables = {
      DATABASE_URL: await DATABASES[kind](),
      FILES_URL: `file:${await createTemporaryFolder()}`,
    };
    const first = await open(variables);
    // SQLite has one gateway.
    const second = kind === "Postgres" ? await start({ ...first.environment }) : first;
    const cookies = [await signIn(first.url, first.anna), await signIn(second.url, first.anna)];
    const [gone = "", kept = ""] = cookies.map((cookie) => cookie.split("=")[1]);
    const at = ({ gateway, url }: Pick<typeof first, "gateway" | "url">, shown: string) => ({
      origin: url,
      cookie: `runcomfy-session-${gateway.port}=${shown}`,
    });
    const lasting = await Promise.all(
      [first, second].map(async (one) => await openLasting(one.url, at(one, gone))),
    );
    const other = await openLasting(second.url, at(second, kept));
    const response = await postTo(first.url, "sign-out", at(first, gone));
    expect([response.status, response.headers.get("set-cookie")]).toEqual([
      204,
      `runcomfy-session-${first.gateway.port}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict`,
    ]);
    expect(await askWho(first.url, at(first, gone))).toEqual([401, "UNAUTHENTICATED"]);
    for (const { over } of lasting)
      expect(await over).toMatchObject({
        code: 4403,
        reason: expect.stringContaining("no longer"),
      });
    expect(await askWho(second.url, at(second, gone))).toEqual([401, "UNAUTHENTICATED"]);
    expect(await askWho(second.url, at(second, kept))).toEqual([200, "anna"]);
    expect(other.socket.readyState).toBe(other.socket.OPEN);
    other.socket.terminate();
    // Again, or by whom nobody knows, it is no error.
    expect((await postTo(first.url, "sign-out", at(first, gone))).status).toBe(204);
    expect((await postTo(first.url, "sign-out")).status).toBe(204);
  },
);

test("it outlives a restart, and ends with its key, or when that has changed", async () => {
  const variables = {
    DATABASE_URL: await DATABASES.SQLite(),
    FILES_URL: `file:${await createTemporaryFolder()}`,
  };
  const { environment, keys, anna, ben, close, url: former } = await open(variables);
  const shown = [await signIn(former, anna), await signIn(former, ben)].map(
    (one) => one.split("=")[1],
  );
  await close();
  const { url, gateway } = await start(environment);
  const [annas, bens] = shown.map((value) => ({
    origin: url,
    cookie: `runcomfy-session-${gateway.port}=${value}`,
  }));
  expect(await askWho(url, { ...annas })).toEqual([200, "anna"]);
  expect(await askWho(url, { ...bens })).toEqual([200, "ben"]);
  const { over } = await openLasting(url, { ...annas });
  await keys.run("revoke", idOf(anna));
  expect(await over).toMatchObject({ code: 4403, text: "cut" });
  expect(await askWho(url, { ...annas })).toEqual([401, "UNAUTHENTICATED"]);
  expect(await askWho(url, { ...bens })).toEqual([200, "ben"]);
  await writeFile(keys.file, JSON.stringify(await keys.read()).replace('"jobs:cancel",', ""));
  await expect.poll(() => askWho(url, { ...bens })).toEqual([401, "UNAUTHENTICATED"]);
});

test("with a token it has the token's owner and scopes, and ends at its exp, or is refused when its signing key is withdrawn", async () => {
  const [signer, next] = [await createSigner("ES256", "k1"), await createSigner("ES256", "k2")];
  const server = await startKeyServer(keysOf(signer));
  const variables = {
    AUTH: "jwt",
    JWT_ISSUER: ISSUER,
    JWT_AUDIENCE: AUDIENCE,
    JWT_JWKS_URL: server.url,
  };
  const { url } = await start({ ...variables, SIGN_IN: "key" });
  const scope = "jobs:read other";
  const exp = Math.floor(Date.now() / 1_000) + 4;
  const brief = await postTo(url, "sign-in", {
    authorization: `Bearer ${await sign(signer, { sub: "anna", scope, exp })}`,
  });
  const [, maxAge] = /Max-Age=(\d+);/.exec(brief.headers.get("set-cookie") ?? "") ?? [];
  expect(Number(maxAge)).toBeLessThanOrEqual(4);
  expect(Number(maxAge)).toBeGreaterThanOrEqual(Math.floor(exp - Date.now() / 1_000));
  const { over } = await openLasting(url, { origin: url, cookie: toCookie(brief) });
  expect(await over).toMatchObject({ code: 4403, reason: expect.stringContaining("expired") });
  expect(await askWho(url, { origin: url, cookie: toCookie(brief) })).toEqual([
    401,
    "UNAUTHENTICATED",
  ]);

  const headers = {
    origin: url,
    cookie: await signIn(url, await sign(signer, { sub: "anna", scope })),
  };
  const asked = await post(`${url}/graphql`, { query: "{ viewer { id scopes } }" }, headers);
  expect(await asked.json()).toEqual({ data: { viewer: { id: "anna", scopes: ["jobs:read"] } } });
  server.answer(keysOf(next));
  // A token that no key has signed has the keys fetched, 5 s after they were.
  await expect
    .poll(async () => await askWho(url, { authorization: `Bearer ${await sign(next)}` }), {
      timeout: 10_000,
    })
    .toEqual([200, "user-1"]);
  await expect
    .poll(() => askWho(url, headers), { timeout: 5_000 })
    .toEqual([401, "UNAUTHENTICATED"]);
});

test.each(KINDS)("on %s a token's exp may have a fraction of a second", async (kind) => {
  const signer = await createSigner();
  const server = await startKeyServer(keysOf(signer));
  const { url } = await start({
    ...{ AUTH: "jwt", JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE, JWT_JWKS_URL: server.url },
    ...{ SIGN_IN: "key", DATABASE_URL: await DATABASES[kind]() },
    FILES_URL: `file:${await createTemporaryFolder()}`,
  });
  const exp = Math.floor(Date.now() / 1_000) + 60.0625;
  const cookie = await signIn(url, await sign(signer, { exp }));
  expect(await askWho(url, { origin: url, cookie })).toEqual([200, "user-1"]);
});

test("of an owner's sign-ins the oldest goes when there would be more than twenty, and the browser's former one at once", async () => {
  const { url, anna, ben, page } = await open();
  const oldest = await signIn(url, anna);
  const { over } = await openLasting(url, { ...page, cookie: oldest });
  const bens = await signIn(url, ben);
  let last = "";
  for (let count = 0; count < 20; count += 1) last = await signIn(url, anna);
  expect(await over).toMatchObject({ code: 4403, text: "cut" });
  expect(await askWho(url, { ...page, cookie: oldest })).toEqual([401, "UNAUTHENTICATED"]);
  for (const [cookie, owner] of [
    [bens, "ben"],
    [last, "anna"],
  ] as const)
    expect(await askWho(url, { ...page, cookie })).toEqual([200, owner]);
  const next = await signIn(url, ben, { cookie: last });
  expect(await askWho(url, { ...page, cookie: last })).toEqual([401, "UNAUTHENTICATED"]);
  expect(await askWho(url, { ...page, cookie: next })).toEqual([200, "ben"]);
});

test("a wrong credential opens nothing, and right ones count as the owner's requests", async () => {
  const { url, keys, page } = await open({ REQUESTS_PER_SECOND: "2" });
  const missing = await postTo(url, "sign-in");
  expect([missing.status, missing.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
  for (const credential of [
    "nobody",
    `rck_${"a".repeat(16)}_${"b".repeat(43)}`,
    "x".repeat(9_000),
  ]) {
    const refused = await postTo(url, "sign-in", { authorization: `Bearer ${credential}` });
    expect([refused.status, refused.headers.has("set-cookie")]).toEqual([401, false]);
  }
  const key = await keys.create("cleo");
  await expect.poll(() => askWho(url, { authorization: `Bearer ${key}` })).toEqual([200, "cleo"]);
  const authorization = `Bearer ${key}`;
  const many = await Promise.all(
    Array.from({ length: 9 }, () => postTo(url, "sign-in", { authorization })),
  );
  expect(many.map(({ status }) => status)).toContain(429);
  const cookie = many.map(toCookie).find((one) => one !== "") ?? "";
  await expect.poll(async () => (await askWho(url, { ...page, cookie }))[1]).toBe("cleo");
  const asked = await Promise.all(
    Array.from({ length: 9 }, () => askWho(url, { ...page, cookie })),
  );
  expect(asked).toContainEqual([429, "RATE_LIMITED"]);
});

test("without the setting nobody signs in and no cookie counts", async () => {
  const variables = {
    DATABASE_URL: await DATABASES.SQLite(),
    FILES_URL: `file:${await createTemporaryFolder()}`,
  };
  const { environment, anna, close, url: former } = await open(variables);
  const shown = (await signIn(former, anna)).split("=")[1];
  await close();
  const { url, gateway } = await start({ ...environment, SIGN_IN: "" });
  const cookie = `runcomfy-session-${gateway.port}=${shown}`;
  for (const path of ["sign-in", "sign-out"])
    expect((await postTo(url, path, { authorization: `Bearer ${anna}`, cookie })).status).toBe(404);
  expect(await askWho(url, { origin: url, cookie })).toEqual([401, "UNAUTHENTICATED"]);
  expect(await greetWith(url, { origin: url, cookie })).toBe("closed with 4401");
});

test("while the database is away a sign-in can't be checked or ended, and the browser keeps its cookie", async () => {
  const databaseUrl = new URL(await DATABASES.Postgres());
  const link = await startTcpProxy({ port: Number(databaseUrl.port) });
  onTestFinished(() => link.close());
  databaseUrl.port = String(link.port);
  const { url, page, anna } = await open({ DATABASE_URL: databaseUrl.href });
  const cookie = await signIn(url, anna);
  const { socket } = await openLasting(url, { ...page, cookie });
  link.drop();
  await expect.poll(() => askWho(url, { ...page, cookie })).toEqual([503, "UNAVAILABLE"]);
  for (const path of ["sign-in", "sign-out"]) {
    const response = await postTo(url, path, { cookie, authorization: `Bearer ${anna}` });
    expect([response.status, response.headers.has("set-cookie")]).toEqual([503, false]);
  }
  expect(await greetWith(url, { ...page, cookie })).toBe("closed with 1013");
  expect(socket.readyState).toBe(socket.OPEN);
  link.heal();
  await expect
    .poll(() => askWho(url, { ...page, cookie }), { timeout: 15_000 })
    .toEqual([200, "anna"]);
  expect(socket.readyState).toBe(socket.OPEN);
});

/** A POST with a Host of its own, which fetch does not send. */
async function postRaw(port: number, path: string, headers: Readonly<Record<string, string>>) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `POST ${path} HTTP/1.1\r\n${lines.join("")}content-length: 2\r\nconnection: close\r\n\r\n{}`;
  return (await exchange(port, head)).text;
}
