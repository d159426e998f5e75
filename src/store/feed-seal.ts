import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  randomBytes,
} from "node:crypto";

/** Closes texts so that whoever holds them learns nothing of them, and opens them again. */
export type FeedSeal = {
  /** Tells whose seal it is, and nothing else. */
  readonly tag: string;
  /** A url-safe text, another one each time. */
  close(text: string): string;
  /** Null for what was not closed with this seal. */
  open(sealed: string): string | null;
};

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const PROOF_BYTES = 16;

/** The length of what is closed tells only in how many of these it fits. */
const BLOCK_CHARACTERS = 64;

/** All gateways that know the same secret make the same seal. Closes JSON, to which spaces may be added. */
export function createFeedSeal(secret: string): FeedSeal {
  const derive = (use: string): Buffer => createHmac("sha256", secret).update(use).digest();
  // As an object it is taken in ten times as fast as bytes are.
  const key = createSecretKey(derive("key"));
  const tag = derive("tag").toString("base64url").slice(0, 12);

  return {
    tag,
    close(text) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce);
      const padded = text.padEnd(Math.ceil(text.length / BLOCK_CHARACTERS) * BLOCK_CHARACTERS);
      const parts = [nonce, cipher.update(padded), cipher.final(), cipher.getAuthTag()];
      return Buffer.concat(parts).toString("base64url");
    },
    open(sealed) {
      const bytes = Buffer.from(sealed, "base64url");
      if (bytes.length < NONCE_BYTES + PROOF_BYTES) return null;
      const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: PROOF_BYTES,
      });
      decipher.setAuthTag(bytes.subarray(-PROOF_BYTES));
      const text = decipher.update(bytes.subarray(NONCE_BYTES, -PROOF_BYTES)).toString();
      try {
        decipher.final();
        return text;
      } catch {
        // All that it ever says is that the text was not closed with this key.
        return null;
      }
    },
  };
}
