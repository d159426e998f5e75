import { createHmac, createPublicKey } from "node:crypto";

import { expect, onTestFinished, test } from "vitest";

import { createJwtAuthenticator } from "../../src/auth/jwt-authenticator.ts";
import { keepSigningKeys } from "../../src/auth/signing-keys.ts";
import type { Signer } from "./issuer.ts";
import { AUDIENCE, createSigner, ISSUER, sign } from "./issuer.ts";
import { NO_LIMITS } from "../support/viewers.ts";
import { ALL_SCOPES } from "../support/parts.ts";

const NOW = Date.parse("2026-06-01T12:00:00Z");
const SECONDS = NOW / 1_000;
/** Made once, because it takes long. */
const RSA = await createSigner("RS256", "rsa");

async function open(signers: readonly Signer[]) {
  let now = NOW;
  const tokens = createJwtAuthenticator({
    config: { issuer: ISSUER, audience: AUDIENCE },
    limits: NO_LIMITS,
    scopes: ALL_SCOPES,
    now: () => now,
    keys: keepSigningKeys({ keys: signers.map(({ jwk }) => jwk) }),
  });
  onTestFinished(() => tokens.close());
  return {
    letIn: (token: string) => tokens.authenticate(`Bearer ${token}`),
    setNow: (next: number) => void (now = next),
  };
}

/** A good token for NOW, but for what is given. */
function signNow(signer: Signer, claims: Readonly<Record<string, unknown>> = {}, header = {}) {
  return sign(signer, claims, { now: NOW, header });
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function isInvalid(words = "") {
  return expect.objectContaining({
    name: "AuthenticationError",
    reason: "invalid",
    // No longer than the reason that a socket may close with.
    message: expect.stringMatching(new RegExp(`^(?=.*${words}).{1,123}$`)),
  });
}

test("a token that is signed by an asymmetric algorithm lets its subject in until it expires", async () => {
  for (const signer of [
    RSA,
    await createSigner("ES384", "k1"),
    await createSigner("EdDSA", "k1"),
  ]) {
    const { letIn } = await open([signer]);
    const claims = { scope: "openid jobs:read jobs:submit", aud: ["other", AUDIENCE] };
    const admission = await letIn(await signNow(signer, claims));
    const scopes = new Set(["jobs:read", "jobs:submit"]);
    expect(admission.viewer).toMatchObject({ ownerId: "user-1", scopes, limits: NO_LIMITS });
    expect([admission.expiresAt, admission.isRevoked()]).toEqual([NOW + 300_000, false]);
  }
});

test("scopes are those of `scope` and `scp`, as texts or a list", async () => {
  const signer = await createSigner();
  const { letIn } = await open([signer]);
  for (const [claims, scopes] of [
    [{ scp: "jobs:read jobs:cancel" }, ["jobs:read", "jobs:cancel"]],
    [{ scp: ["jobs:read:all", "other"] }, ["jobs:read:all"]],
    [{ scope: "jobs:read", scp: ["jobs:submit"] }, ["jobs:read", "jobs:submit"]],
    [{ scope: ["jobs:read"] }, []],
    [{ scope: { "jobs:read": true }, scp: [1, "jobs:read"] }, []],
    [{ scope: "JOBS:READ jobs:read:everything __proto__" }, []],
    [{}, []],
  ] as const) {
    const { viewer } = await letIn(await signNow(signer, claims));
    expect(viewer.scopes, JSON.stringify(claims)).toEqual(new Set(scopes));
  }
});

test("what a token submits needs approval where its claim says always, and not where it says never, or nothing", async () => {
  const signer = await createSigner();
  const { letIn } = await open([signer]);
  for (const [approval, needsApproval] of [
    ["always", true],
    ["never", false],
    [undefined, false],
  ] as const) {
    const { viewer } = await letIn(await signNow(signer, { approval }));
    expect(viewer.credential).toMatchObject({ id: "user-1", needsApproval });
  }
});

test.each([
  [{ aud: ["other", `${AUDIENCE}x`] }, "another audience"],
  [{ aud: undefined }, "no exp, sub, iss or aud"],
  [{ iss: "https://issuer.example.com" }, "another issuer"],
  [{ exp: undefined }, "no exp, sub, iss or aud"],
  [{ exp: SECONDS - 5 }, "expired"],
  [{ exp: String(SECONDS + 300) }, ""],
  [{ nbf: SECONDS + 6 }, "not valid yet"],
  [{ sub: "" }, "sub"],
  [{ sub: "local" }, "sub"],
  [{ sub: "a\u0000b" }, "sub"],
  [{ sub: "a\ud800" }, "sub"],
  [{ sub: "a".repeat(256) }, "sub"],
  [{ approval: "Always" }, 'approval claim is "always" or "never"'],
  [{ approval: "" }, "approval claim"],
  [{ approval: true }, "approval claim"],
  [{ approval: null }, "approval claim"],
  [{ approval: ["always"] }, "approval claim"],
])("a token with %j is refused", async (claims, words) => {
  const signer = await createSigner();
  const { letIn } = await open([signer]);
  await expect(letIn(await signNow(signer, claims))).rejects.toEqual(isInvalid(words));
});

test("clocks may differ by the tolerance, and a token that expired within it has it to the end", async () => {
  const signer = await createSigner();
  const { letIn, setNow } = await open([signer]);
  await letIn(await signNow(signer, { nbf: SECONDS + 5 }));
  const token = await signNow(signer, { exp: SECONDS + 10 });
  expect((await letIn(token)).expiresAt).toBe(NOW + 10_000);
  setNow(NOW + 12_000);
  expect((await letIn(token)).expiresAt).toBe(NOW + 15_000);
  setNow(NOW + 15_000);
  await expect(letIn(token)).rejects.toEqual(isInvalid("expired"));
});

test("a token that is signed with the public key as a secret is refused", async () => {
  const { letIn } = await open([RSA]);
  const key = createPublicKey({ key: RSA.jwk, format: "jwk" });
  const pem = key.export({ type: "spki", format: "pem" }).toString();
  const signed = `${encode({ alg: "HS256", kid: "rsa" })}.${encode(claimsNow())}`;
  for (const secret of [pem, pem.trim(), JSON.stringify(RSA.jwk), RSA.jwk.n ?? ""]) {
    const mac = createHmac("sha256", secret).update(signed).digest("base64url");
    await expect(letIn(`${signed}.${mac}`)).rejects.toEqual(isInvalid());
  }
});

test("a token of another algorithm, or none, is refused, with a signature and without", async () => {
  const { letIn } = await open([RSA]);
  const [, payload = "", signature = ""] = (await signNow(RSA)).split(".");
  for (const alg of ["none", "nOnE", "", "HS256", "RS1", "__proto__", 5, null]) {
    const header = encode({ alg, kid: "rsa" });
    for (const token of [`${header}.${payload}.`, `${header}.${payload}.${signature}`])
      await expect(letIn(token), String(alg)).rejects.toEqual(isInvalid());
  }
});

test("keys that a token brings along or points to are not used", async () => {
  const signer = await createSigner("ES256", "k1");
  const stranger = await createSigner("ES256", "k1");
  const { letIn } = await open([signer]);
  for (const header of [
    { jwk: stranger.jwk },
    { jku: "http://127.0.0.1:9/jwks.json" },
    { x5u: "http://127.0.0.1:9/cert.pem" },
    { kid: "../../dev/null" },
  ])
    await expect(letIn(await signNow(stranger, {}, header))).rejects.toEqual(isInvalid());
});

test("a token that was changed, cut or is none at all is refused", async () => {
  const signer = await createSigner("ES256", "k1");
  const { letIn } = await open([signer]);
  const token = await signNow(signer);
  const [header = "", payload = "", signature = ""] = token.split(".");
  for (const wrong of [
    `${header}.${encode(claimsNow({ sub: "admin" }))}.${signature}`,
    `${header}.${payload}.${"A".repeat(signature.length)}`,
    `${header}.${payload}.`,
    `.${payload}.${signature}`,
    `${token}.${signature}.`,
    `${token}==`,
    "...",
    `${Buffer.from("[".repeat(3_000)).toString("base64url")}.${payload}.${signature}`,
    `${Buffer.from('{"alg":').toString("base64url")}.${payload}.${signature}`,
    `rck_${"0".repeat(16)}_${"A".repeat(43)}`,
  ])
    await expect(letIn(wrong), wrong).rejects.toEqual(isInvalid());
});

test("a token that names no key is tried with all that fit, and one that names another with none", async () => {
  const first = await createSigner("ES256", "k1");
  const second = await createSigner("ES256", "k2");
  const { letIn } = await open([first, RSA, second]);
  const nameless = await signNow({ ...second, kid: undefined });
  expect(await letIn(nameless)).toMatchObject({ viewer: { ownerId: "user-1" } });
  await expect(letIn(await signNow({ ...second, kid: "k1" }))).rejects.toEqual(isInvalid());
  const stranger = await createSigner("ES256");
  await expect(letIn(await signNow(stranger))).rejects.toEqual(isInvalid());
});

test("a weak key is not used", async () => {
  const { letIn } = await open([{ ...RSA, jwk: { ...RSA.jwk, n: "w".repeat(171) } }]);
  await expect(letIn(await signNow(RSA))).rejects.toEqual(isInvalid());
});

function claimsNow(claims: Readonly<Record<string, unknown>> = {}) {
  return { iss: ISSUER, aud: AUDIENCE, sub: "user-1", exp: SECONDS + 300, ...claims };
}
