/**
 * The database can't be opened. The text is for the person who starts the gateway: what is wrong and what to do about
 * it, never a credential.
 */
export class StoreError extends Error {
  override readonly name = "StoreError";
}
