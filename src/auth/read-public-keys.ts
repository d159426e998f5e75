import type { KeyObject } from "node:crypto";
import { createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import type { JSONWebKeySet, JWK } from "jose";
import { z } from "zod";

const PEM = /-----BEGIN ((?:RSA )?PUBLIC KEY|CERTIFICATE)-----.+?-----END \1-----/gs;

const JWK_SHAPE = z.looseObject({
  kty: z.string(),
  kid: z.string().optional(),
  alg: z.string().optional(),
  use: z.string().optional(),
});
const JSON_FILE = z.union([
  z.object({ keys: z.array(JWK_SHAPE).min(1).max(100) }).transform(({ keys }) => keys),
  JWK_SHAPE.transform((key) => [key]),
]);

/**
 * Reads the public keys of a file: PEM (one or more, certificates too), a JWK or a JWK set. Rejects with a sentence
 * that names JWT_PUBLIC_KEY_FILE when there is none, or when one is private, symmetric or weak.
 */
export async function readPublicKeys(file: string): Promise<JSONWebKeySet> {
  const path = resolve(file);
  try {
    const text = await readFile(path, "utf8");
    const keys = text.trimStart().startsWith("{") ? readJson(text) : readPem(text);
    return { keys };
  } catch (cause) {
    throw new Error(
      `The public key file ${path} (JWT_PUBLIC_KEY_FILE) can't be used: ${explain(cause)}. Give it the issuer's public key as PEM, JWK or JWK set.`,
      { cause },
    );
  }
}

/** Only of what this file throws, or of the file system: other texts may quote the file. */
function explain(cause: unknown): string {
  if (cause instanceof UnfitKey) return cause.message;
  const code = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
  return `it can't be read as a public key${code}`;
}

class UnfitKey extends Error {}

function readPem(text: string): JWK[] {
  if (text.includes("PRIVATE KEY-----"))
    throw new UnfitKey("it holds a private key, which the gateway must not have");
  const keys = [...text.matchAll(PEM)].map(([pem]) => pem);
  if (keys.length === 0) throw new UnfitKey("it holds no public key");
  return keys.map((pem) => toJwk(createPublicKey(pem)));
}

function readJson(text: string): JWK[] {
  const parsed = JSON_FILE.safeParse(JSON.parse(text));
  if (!parsed.success) throw new UnfitKey("it is JSON, but neither a JWK nor a JWK set");
  return parsed.data.map(fromJson);
}

function fromJson(jwk: z.infer<typeof JWK_SHAPE>): JWK {
  if (jwk.kty === "oct") throw new UnfitKey("it holds a symmetric key, which could make tokens");
  if ("d" in jwk) throw new UnfitKey("it holds a private key, which the gateway must not have");
  const { kid, alg, use } = jwk;
  return {
    ...toJwk(createPublicKey({ key: jwk, format: "jwk" })),
    ...(kid !== undefined && { kid }),
    ...(alg !== undefined && { alg }),
    ...(use !== undefined && { use }),
  };
}

function toJwk(key: KeyObject): JWK {
  const { modulusLength = Infinity } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < 2_048)
    throw new UnfitKey(`it holds an RSA key of ${modulusLength} bits, and 2048 is the least`);
  const { kty, ...rest } = key.export({ format: "jwk" });
  if (kty === undefined) throw new UnfitKey("it holds a key of an unknown type");
  return { ...rest, kty };
}
