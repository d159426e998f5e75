import { createItem } from "runcomfy-graphql-client";

import { createStore, type Store } from "../store";
import type { Draft } from "./draft";
import { isObject, isText, parseJson } from "./json";
import { isToken } from "./place-file";

const stores = new Map<string, Store<Draft>>();

/** What is typed for a deployment by a viewer; it outlives screens and reloads. */
export function draftOf(scope: string, first: Draft): Store<Draft> {
  const known = stores.get(scope);
  if (known) return known;
  const item = createItem(`draft ${scope}`);
  const saved = parseJson(item.get() ?? "");
  const store = createStore(isObject(saved) ? toTexts(saved) : first);
  store.subscribe(() => item.set(JSON.stringify(store.get())));
  stores.set(scope, store);
  return store;
}

/** What is handed to forms that have not taken it yet, by scope. */
export const handed = createStore<ReadonlyMap<string, unknown>>(new Map());

/** Hands an input to the form, which has the fields to make a draft of it. */
export function handOver(scope: string, input: unknown): void {
  handed.set(new Map([...handed.get(), [scope, input]]));
}

/** What was handed over, once; undefined where nothing was. */
export function takeOver(scope: string): unknown {
  const waiting = new Map(handed.get());
  const input = waiting.get(scope);
  if (waiting.delete(scope)) handed.set(waiting);
  return input;
}

const formers = new Map<string, Store<Draft | null>>();

/** What `replaceDraft` took out of a form, and no run has followed yet; null for nothing. */
export function formerOf(scope: string): Store<Draft | null> {
  const store = formers.get(scope) ?? createStore<Draft | null>(null);
  formers.set(scope, store);
  return store;
}

/** Puts a whole draft into a form, so that it can be undone. */
export function replaceDraft(scope: string, draft: Draft): void {
  const store = draftOf(scope, draft);
  const former = store.get();
  const isLost = Object.entries(former).some(([name, text]) => text !== "" && draft[name] !== text);
  if (isLost) formerOf(scope).set(former);
  store.set(draft);
}

/** Drafts and keys are of one deployment, and of whoever is signed in. */
export function toScope(viewerId: string, deploymentId: string): string {
  return `${viewerId} ${deploymentId}`;
}

function toTexts(saved: object): Draft {
  return Object.fromEntries(
    Object.entries(saved).flatMap(([name, text]) => {
      if (!isText(text)) return [];
      // What was on its way when the page went is nowhere now.
      const lines = text.split("\n").filter((line) => !isToken(line));
      return [[name, lines.join("\n")] as const];
    }),
  );
}
