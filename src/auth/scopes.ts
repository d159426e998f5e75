import type { Scope } from "./viewer.ts";
import { SCOPES } from "./viewer.ts";

/** The scopes among these words; those of other programs, which a token may hold too, are left out. */
export function pickScopes(words: readonly string[]): ReadonlySet<Scope> {
  return new Set(words.filter(isScope));
}

/** Whether a word is one of the gateway's scopes. */
export function isScope(word: string): word is Scope {
  return SCOPES.some((scope) => scope === word);
}
