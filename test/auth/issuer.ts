import { createServer } from "node:http";
import type { RequestListener } from "node:http";

import type { CryptoKey, JWK, JWTHeaderParameters } from "jose";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

import { listen } from "../support/listen.ts";

export const ISSUER = "https://issuer.example.com/";
export const AUDIENCE = "runcomfy-graphql";

/** A key pair of an issuer. */
export type Signer = {
  readonly privateKey: CryptoKey;
  /** The public half. */
  readonly jwk: JWK;
  readonly alg: string;
  readonly kid: string | undefined;
};

export async function createSigner(alg = "ES256", kid?: string): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return { privateKey, alg, kid, jwk: kid === undefined ? jwk : { ...jwk, kid } };
}

/** A good token for 5 minutes from `now` on, but for what is given; undefined leaves a claim out. */
export async function sign(
  { privateKey, alg, kid }: Signer,
  claims: Readonly<Record<string, unknown>> = {},
  details: { readonly now?: number; readonly header?: Partial<JWTHeaderParameters> } = {},
): Promise<string> {
  const { now = Date.now(), header = {} } = details;
  const exp = Math.floor(now / 1_000) + 300;
  const payload = { iss: ISSUER, aud: AUDIENCE, sub: "user-1", exp, ...claims };
  return await new SignJWT(payload)
    .setProtectedHeader({ alg, ...(kid !== undefined && { kid }), ...header })
    .sign(privateKey);
}

/** A server of keys on loopback that answers as configured; the listener may be replaced at any time. */
export async function startKeyServer(answer: RequestListener) {
  let current = answer;
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    current(request, response);
  });
  const { origin } = await listen(server);
  return {
    url: `${origin}/jwks.json?key=hidden-in-the-url`,
    requests: () => requests,
    answer: (next: RequestListener) => void (current = next),
  };
}

/** Publishes these keys. */
export function keysOf(...signers: readonly Signer[]): RequestListener {
  const text = JSON.stringify({ keys: signers.map(({ jwk }) => jwk) });
  return (_request, response) => void response.end(text);
}
