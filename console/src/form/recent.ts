import { createItem } from "runcomfy-graphql-client";

import type { JobRowFragment } from "../gql";
import { createStore, type Store } from "../store";
import { isObject, isText, parseJson } from "./json";

type Recent = {
  /** Newest first. */
  readonly ids: readonly string[];
  readonly shown: string | null;
  /** As its submit was answered, until more is known. */
  readonly submitted: JobRowFragment | null;
};

const MAX = 8;
const stores = new Map<string, Store<Recent>>();

/** The jobs that this page submitted for a viewer; it outlives screens and reloads. */
export function recentOf(viewerId: string): Store<Recent> {
  const known = stores.get(viewerId);
  if (known) return known;
  const item = createItem(`recent jobs ${viewerId}`);
  const store = createStore(read(item.get() ?? ""));
  store.subscribe(() => {
    const { ids, shown } = store.get();
    item.set(JSON.stringify({ ids, shown }));
  });
  stores.set(viewerId, store);
  return store;
}

export function addRecent(viewerId: string, job: JobRowFragment): void {
  const store = recentOf(viewerId);
  const others = store.get().ids.filter((id) => id !== job.id);
  store.set({ ids: [job.id, ...others].slice(0, MAX), shown: job.id, submitted: job });
}

export function showRecent(viewerId: string, id: string): void {
  const store = recentOf(viewerId);
  store.set({ ...store.get(), shown: id });
}

/** For a job that is no longer there. */
export function removeRecent(viewerId: string, id: string): void {
  const store = recentOf(viewerId);
  const { shown, ...recent } = store.get();
  const ids = recent.ids.filter((one) => one !== id);
  store.set({ ...recent, ids, shown: shown === id ? (ids[0] ?? null) : shown });
}

function read(text: string): Recent {
  const saved = parseJson(text);
  const { ids, shown } = isObject(saved) ? saved : { ids: [], shown: null };
  const known = Array.isArray(ids) ? ids.filter(isText) : [];
  return { ids: known, shown: isText(shown) ? shown : (known[0] ?? null), submitted: null };
}
