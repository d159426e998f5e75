import type { RequestListener } from "node:http";

import { expect, onTestFinished, test } from "vitest";

import { createJwtAuthenticator } from "../../src/auth/jwt-authenticator.ts";
import { openKeyServer } from "../../src/auth/signing-keys.ts";
import { AUDIENCE, createSigner, ISSUER, keysOf, sign, startKeyServer } from "./issuer.ts";
import { NO_LIMITS } from "../support/viewers.ts";
import { createRecordedLog } from "./recorded-log.ts";
import { ALL_SCOPES } from "../support/parts.ts";

async function open(
  answer: RequestListener,
  details: Partial<Record<"refreshMs" | "timeoutMs" | "cooldownMs", number>> = {},
) {
  const server = await startKeyServer(answer);
  const recorded = createRecordedLog();
  const { log } = recorded;
  const keys = openKeyServer({ url: server.url, log, timeoutMs: 10_000, ...details });
  const config = { issuer: ISSUER, audience: AUDIENCE };
  const tokens = createJwtAuthenticator({
    config,
    limits: NO_LIMITS,
    scopes: ALL_SCOPES,
    now: Date.now,
    keys,
  });
  onTestFinished(() => tokens.close());
  const letIn = (token: string) => tokens.authenticate(`Bearer ${token}`);
  return {
    server,
    tokens,
    ...recorded,
    letIn,
    reasonFor: (token: string) =>
      letIn(token).then(
        () => "let in",
        (error: unknown) =>
          error instanceof Error && "reason" in error ? String(error.reason) : String(error),
      ),
  };
}

const fail: RequestListener = (_request, response) => void response.writeHead(500).end("secret");

function say(text: string): RequestListener {
  return (_request, response) => void response.end(text);
}

test("a new key is seen at its first token", async () => {
  const first = await createSigner("ES256", "k1");
  const second = await createSigner("ES256", "k2");
  const { letIn, reasonFor, server } = await open(keysOf(first), { cooldownMs: 0 });
  const former = await sign(first);
  // Both wait for the keys, which are fetched once.
  await Promise.all([letIn(former), letIn(former)]);
  expect(server.requests()).toBe(1);
  server.answer(keysOf(second));
  await letIn(await sign(second));
  expect(server.requests()).toBe(2);
  expect(await reasonFor(former)).toBe("invalid");
});

test("forged tokens make no fetch soon after the last one", async () => {
  const signer = await createSigner("ES256", "k1");
  const { letIn, reasonFor, server } = await open(keysOf(signer), { cooldownMs: 60_000 });
  await letIn(await sign(signer));
  const stranger = await createSigner("ES256", "k1");
  for (const kid of ["k1", "made-up-1", "made-up-2", "k1"])
    expect(await reasonFor(await sign({ ...stranger, kid }))).toBe("invalid");
  expect(server.requests()).toBe(1);
});

test("a credential is the token's subject, and is revoked once the key that signed it is withdrawn, whatever its exp", async () => {
  const [first, second] = [await createSigner("ES256", "k1"), await createSigner("ES256", "k2")];
  const { letIn, tokens, server } = await open(keysOf(first, second), { refreshMs: 20 });
  // Over, but within what clocks may differ by.
  const { viewer } = await letIn(await sign(first, { exp: Math.floor(Date.now() / 1_000) - 1 }));
  const same = await letIn(await sign(second));
  // The same person, whichever key has signed.
  expect([viewer.credential.id, same.viewer.credential.id]).toEqual(["user-1", "user-1"]);
  expect(viewer.credential.needsApproval).toBe(false);
  expect(await tokens.isRevoked(viewer.credential)).toBe(false);
  expect(await tokens.isRevoked({ id: "0123456789abcdef", signedBy: "of an API key" })).toBe(true);
  server.answer(keysOf(second));
  await expect.poll(() => tokens.isRevoked(viewer.credential)).toBe(true);
  expect(await tokens.isRevoked(same.viewer.credential)).toBe(false);
});

test("keys that can't be used leave the others usable", async () => {
  const signer = await createSigner("ES256");
  const odd = [
    { kty: "EC", crv: "P-256" },
    { kty: "EC", crv: "P-256", x: "AAAA", y: "AAAA" },
    { kty: "new" },
    { kty: "oct", k: "AAAA" },
  ];
  const { letIn } = await open(say(JSON.stringify({ keys: [...odd, signer.jwk] })));
  expect(await letIn(await sign(signer))).toMatchObject({ viewer: { ownerId: "user-1" } });
});

test.each([
  ["fails", fail],
  ["answers with a page", say("<html>")],
  ["answers with keys that are none", say('{"keys":[1]}')],
  ["sends elsewhere", (_, response) => void response.writeHead(302, { location: "/" }).end()],
] satisfies [string, RequestListener][])(
  "while the server %s, the keys of before go on",
  async (_case, answer) => {
    const signer = await createSigner("ES256", "k1");
    const { letIn, reasonFor, server, of } = await open(keysOf(signer), { refreshMs: 20 });
    await letIn(await sign(signer));
    server.answer(answer);
    const asked = server.requests() + 2;
    await expect.poll(() => server.requests()).toBeGreaterThan(asked);
    expect(await reasonFor(await sign(signer, { sub: "user-2" }))).toBe("let in");
    expect(of("error")).toHaveLength(1);
    expect(of("error").join()).not.toMatch(/hidden-in-the-url|127\.0\.0\.1|secret/);
  },
);

test("without keys nobody can be checked until the server is there, and the log says so once", async () => {
  const signer = await createSigner("ES256", "k1");
  const { reasonFor, server, of, tokens } = await open(fail);
  const token = await sign(signer);
  expect(await reasonFor(token)).toBe("unavailable");
  const asking = tokens.isRevoked({ id: "user-1", signedBy: "k" });
  await expect(asking).rejects.toMatchObject({ reason: "unavailable" });
  server.answer((request) => void request.socket.destroy());
  const asked = server.requests();
  expect(await reasonFor(token)).toBe("unavailable");
  await expect.poll(() => server.requests()).toBeGreaterThan(asked);
  server.answer(keysOf(signer));
  await expect.poll(() => reasonFor(token)).toBe("let in");
  expect(of("error")).toHaveLength(1);
});

test("a token that can be refused without keys is refused while there are none", async () => {
  const [, ...signed] = (await sign(await createSigner("ES256", "k1"))).split(".");
  const header = Buffer.from(JSON.stringify({ alg: "HS256", kid: "k1" })).toString("base64url");
  const { reasonFor } = await open(fail);
  expect(await reasonFor("garbage")).toBe("invalid");
  expect(await reasonFor([header, ...signed].join("."))).toBe("invalid");
});
