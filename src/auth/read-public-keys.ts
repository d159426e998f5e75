import type { KeyObject } from "node:crypto";
import { createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import type { JSONWebKeySet, JWK } from "jose";
import { exportJWK } from "jose";
import { z } from "zod";

const PEM = /-----BEGIN ((?:RSA )?PUBLIC KEY|CERTIFICATE)-----.+?-----END \1-----/gs;

const JWK_SHAPE = z.custom<JWK>((value) => z.object({ kty: z.string() }).safeParse(value).success);
const JSON_FILE = z.union([
  z.object({ keys: z.array(JWK_SHAPE).min(1).max(100) }),
  JWK_SHAPE.transform((key) => ({ keys: [key] })),
]);

/**
 * Reads the public keys of a file: PEM (one or more, certificates too), a JWK or a JWK set. Rejects with a sentence
 * that names JWT_PUBLIC_KEY_FILE when there is none, or when one is private, symmetric or weak.
 */
export async function readPublicKeys(file: string): Promise<JSONWebKeySet> {
  const path = resolve(file);
  try {
    const text = await readFile(path, "utf8");
    return { keys: text.trimStart().startsWith("{") ? readJson(text) : await readPem(text) };
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

async function readPem(text: string): Promise<JWK[]> {
  if (text.includes("PRIVATE KEY-----")) throw new UnfitKey(PRIVATE);
  const keys = [...text.matchAll(PEM)].map(([pem]) => createPublicKey(pem));
  if (keys.length === 0) throw new UnfitKey("it holds no public key");
  return await Promise.all(keys.map((key) => exportJWK(checkStrength(key))));
}

function readJson(text: string): JWK[] {
  const { data } = JSON_FILE.safeParse(JSON.parse(text));
  if (data === undefined) throw new UnfitKey("it is JSON, but neither a JWK nor a JWK set");
  for (const key of data.keys) {
    if ("d" in key) throw new UnfitKey(PRIVATE);
    checkStrength(createPublicKey({ key, format: "jwk" }));
  }
  return data.keys;
}

const PRIVATE = "it holds a private key, which the gateway must not have";

function checkStrength(key: KeyObject): KeyObject {
  const { modulusLength = Infinity } = key.asymmetricKeyDetails ?? {};
  if (modulusLength >= 2_048) return key;
  throw new UnfitKey(`it holds an RSA key of ${modulusLength} bits, and 2048 is the least`);
}
