import { createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import type { JSONWebKeySet } from "jose";
import { exportJWK } from "jose";

import { codeOf, SetupError } from "../runtime/coded-error.ts";

const PEM = /-----BEGIN ((?:RSA )?PUBLIC KEY|CERTIFICATE)-----.+?-----END \1-----/gs;

/** Reads public keys in PEM. Rejects with a `SetupError` when there is none, or one is private or weak. */
export async function readPublicKeys(file: string): Promise<JSONWebKeySet> {
  const path = resolve(file);
  try {
    const text = await readFile(path, "utf8");
    if (text.includes("PRIVATE KEY-----"))
      throw new SetupError("holds a private key, which the gateway must not have");
    const keys = [...text.matchAll(PEM)].map(([pem]) => createPublicKey(pem));
    if (keys.length === 0) throw new SetupError("holds no public key");
    for (const { asymmetricKeyDetails: { modulusLength: bits = Infinity } = {} } of keys)
      if (bits < MIN_RSA_BITS)
        throw new SetupError(`holds an RSA key of ${bits} bits, and ${MIN_RSA_BITS} is the least`);
    return { keys: await Promise.all(keys.map((key) => exportJWK(key))) };
  } catch (cause) {
    // Other errors may quote the file.
    const what = `can't be read as a public key (${codeOf(cause) ?? "damaged"})`;
    throw new SetupError(
      `The public key file ${path} (JWT_PUBLIC_KEY_FILE) can't be used: it ${cause instanceof SetupError ? cause.message : what}. Give it the issuer's public key as PEM.`,
      { cause },
    );
  }
}

const MIN_RSA_BITS = 2_048;
