import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { importPKCS8 } from "jose";
import { expect, onTestFinished, test } from "vitest";

import {
  createAuthenticator,
  createLocalAuthenticator,
} from "../../src/auth/create-authenticator.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { AUDIENCE, createSigner, ISSUER, keysOf, sign, startKeyServer } from "./issuer.ts";
import { NO_LIMITS } from "../support/viewers.ts";
import { createRecordedLog } from "./recorded-log.ts";
import { ALL_SCOPES, GRANTS } from "../support/parts.ts";

async function open(publicKeyFile: string, jwksUrl: string | null = null) {
  const { log } = createRecordedLog();
  const places = { apiKeysFile: "", jwksUrl, publicKeyFile };
  const config = { kind: "jwt", issuer: ISSUER, audience: AUDIENCE, ...places } as const;
  const options = { ...GRANTS, config, limits: NO_LIMITS, log };
  const authenticator = await createAuthenticator(options);
  onTestFinished(() => authenticator.close());
  return authenticator;
}

/** With keys that are in a file of this text. */
async function openFile(text: string) {
  const publicKeyFile = join(await createTemporaryFolder(), "key");
  await writeFile(publicKeyFile, text);
  return await open(publicKeyFile);
}

const RSA = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const RSA_PEM = RSA.publicKey.export({ format: "pem", type: "spki" }).toString();
const RSA_PRIVATE_PEM = RSA.privateKey.export({ format: "pem", type: "pkcs8" }).toString();

async function signRsa(kid?: string): Promise<string> {
  const privateKey = await importPKCS8(RSA_PRIVATE_PEM, "RS256");
  return await sign({ privateKey, alg: "RS256", kid, jwk: { kty: "RSA" } });
}

test("without authentication everybody is one credential, beside which no other is in use", async () => {
  const everybody = createLocalAuthenticator(NO_LIMITS, ALL_SCOPES);
  const { viewer } = await everybody.authenticate(undefined);
  expect(viewer.credential).toEqual({ id: null, signedBy: "", needsApproval: false });
  expect(await everybody.isRevoked(viewer.credential)).toBe(false);
  expect(await everybody.isRevoked({ id: "user-1", signedBy: "k" })).toBe(true);
});

test("with jwt the keys of a server let in", async () => {
  const signer = await createSigner("ES256", "k1");
  const { url } = await startKeyServer(keysOf(signer));
  const authenticator = await open("", url);
  const { viewer } = await authenticator.authenticate(`Bearer ${await sign(signer)}`);
  expect(viewer.ownerId).toBe("user-1");
});

test("with jwt each key of a file lets in, whatever key id a token names", async () => {
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey;
  const pem = other.export({ format: "pem", type: "spki" }).toString();
  const pkcs1 = RSA.publicKey.export({ format: "pem", type: "pkcs1" }).toString();
  for (const text of [pkcs1, `${pem}\n${RSA_PEM}`]) {
    const authenticator = await openFile(text);
    for (const kid of [undefined, "any"]) {
      const admission = await authenticator.authenticate(`Bearer ${await signRsa(kid)}`);
      expect(admission.isRevoked()).toBe(false);
    }
  }
});

test.each([
  ["a private key", RSA_PRIVATE_PEM, "private key"],
  ["a weak key", weakPem(), "1024 bits"],
  ["text", "hidden-word", "no public key"],
  ["JSON", '{"hidden-word":1}', "no public key"],
  ["a broken key", RSA_PEM.replace("MIIB", "hidden-word"), "can't be read"],
])(
  "a file of %s stops the start with a sentence that does not quote it",
  async (_case, text, words) => {
    const opening = openFile(text);
    await expect(opening).rejects.toThrow(words);
    await expect(opening).rejects.toThrow("JWT_PUBLIC_KEY_FILE");
    await expect(opening).rejects.not.toThrow("hidden-word");
  },
);

test("a file of public keys that is not there stops the start", async () => {
  const opening = open("/nowhere/key.pem");
  await expect(opening).rejects.toThrow(/\/nowhere\/key\.pem .*ENOENT/);
});

function weakPem(): string {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 1_024 });
  return publicKey.export({ format: "pem", type: "spki" }).toString();
}
