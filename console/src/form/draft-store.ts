import { type Draft, emptyDraft } from "../model/draft";
import type { Field } from "../model/fields";
import { isObject, isText } from "../model/json";
import { createKept } from "../session/kept";
import { noteChange } from "../session/submit-keys";

/** What is typed for a deployment by a viewer. */
export function draftOf(scope: string, fields: readonly Field[]) {
  return createKept(`draft ${scope}`, (kept) => toTexts(kept) ?? emptyDraft(fields));
}

/** What `replaceDraft` took out of a form, and no run has followed yet; null for nothing. */
export function formerOf(scope: string) {
  return createKept(`former ${scope}`, toTexts);
}

/** Puts a whole draft into a form, so that it can be undone. */
export function replaceDraft(scope: string, fields: readonly Field[], draft: Draft): void {
  noteChange();
  const store = draftOf(scope, fields);
  const former = store.get();
  const isLost = Object.entries(former).some(([name, text]) => text !== "" && draft[name] !== text);
  if (isLost) formerOf(scope).set(former);
  store.set(draft);
}

function toTexts(kept: unknown): Draft | null {
  if (!isObject(kept)) return null;
  return Object.fromEntries(
    Object.entries(kept).filter((entry): entry is [string, string] => isText(entry[1])),
  );
}

/** How many jobs of a scope are made at once, to choose from. */
export function countOf(scope: string) {
  return createKept(`count ${scope}`, (kept) => (typeof kept === "number" ? kept : 1));
}
