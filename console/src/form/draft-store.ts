import { createStore, type Store } from "../store";
import type { Draft } from "./draft";
import { isObject, isText, parseJson } from "./json";
import { keep } from "./keep";

const stores = new Map<string, Store<Draft>>();

/** What is typed for a deployment by a viewer; it outlives screens and reloads. */
export function draftOf(scope: string, first: Draft): Store<Draft> {
  const known = stores.get(scope);
  if (known) return known;
  const name = `draft ${scope}`;
  const saved = parseJson(sessionStorage.getItem(name) ?? "");
  const store = createStore(isObject(saved) ? toTexts(saved) : first);
  store.subscribe(() => void keep(name, JSON.stringify(store.get())));
  stores.set(scope, store);
  return store;
}

/** Drafts and keys are of one deployment, and of whoever is signed in. */
export function toScope(viewerId: string, deploymentId: string): string {
  return `${viewerId} ${deploymentId}`;
}

function toTexts(saved: object): Draft {
  return Object.fromEntries(
    Object.entries(saved).flatMap(([name, text]) => (isText(text) ? [[name, text] as const] : [])),
  );
}
