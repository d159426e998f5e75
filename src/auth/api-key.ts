import { hash, randomBytes, timingSafeEqual } from "node:crypto";

/** A key as its bearer has it: `rck_<id>_<secret>`. */
type ApiKey = { readonly id: string; readonly secret: string };

/** What the gateway keeps of a secret; both parts base64url. */
type SecretHash = { readonly salt: string; readonly hash: string };

/** What the id of a key looks like; source of a regular expression without its anchors. */
export const KEY_ID = "[A-Za-z0-9]{12,64}";

const FORM = new RegExp(`^rck_(${KEY_ID})_([\\w-]{43})$`);

/** A new key; its secret has 256 random bits. */
export function makeApiKey(): ApiKey {
  return { id: randomBytes(8).toString("hex"), secret: randomBytes(32).toString("base64url") };
}

export function formatApiKey({ id, secret }: ApiKey): string {
  return `rck_${id}_${secret}`;
}

/** Null when the text is no key. */
export function parseApiKey(text: string): ApiKey | null {
  const [, id, secret] = FORM.exec(text) ?? [];
  return id === undefined || secret === undefined ? null : { id, secret };
}

/** One fast round is enough: nobody guesses 256 random bits, and the hash is made for each request. */
export function hashSecret(secret: string, salt = randomBytes(16).toString("base64url")) {
  return { salt, hash: hash("sha256", `${salt}${secret}`, "base64url") };
}

/** Whether the secret is the one of the hash, in a time that does not tell how nearly. */
export function isSecretOf(secret: string, { salt, hash }: SecretHash): boolean {
  const given = Buffer.from(hashSecret(secret, salt).hash);
  const kept = Buffer.from(hash);
  return given.length === kept.length && timingSafeEqual(given, kept);
}
