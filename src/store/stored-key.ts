import { createHash } from "node:crypto";

import { LOCAL_OWNER } from "../auth/viewer.ts";

/**
 * An owner's idempotency key as it is stored, where keys of all owners are together: no two owners' are ever the same.
 * Those of `LOCAL_OWNER` are stored as they are, as they were before there were owners; those of others have 256
 * characters, and are so longer than any key of `LOCAL_OWNER` may be.
 */
export function toStoredKey(ownerId: string, key: string): string {
  return ownerId === LOCAL_OWNER ? key : toDigest(ownerId) + toDigest(key);
}

function toDigest(text: string): string {
  return createHash("sha512").update(text).digest("hex");
}
