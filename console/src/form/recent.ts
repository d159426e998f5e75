import { createItem } from "runcomfy-graphql-client";

import type { JobRowFragment } from "../gql";
import { createStore, type Store } from "../store";
import { isObject, isText, parseJson } from "./json";

type Ids = readonly string[];
type Recent = {
  /** Newest first. */
  readonly ids: Ids;
  /** One, or several that were made together. */
  readonly shown: Ids;
  /** Those of the last submit. */
  readonly together: Ids;
  /** As their submit was answered, until more is known. */
  readonly submitted: readonly JobRowFragment[];
};

const MAX = 12;
/** What was made, by viewer. */
const stores = new Map<string, Store<Recent>>();

/** The jobs that this page submitted for a viewer; it outlives screens and reloads. */
export function recentOf(viewerId: string): Store<Recent> {
  const known = stores.get(viewerId);
  if (known) return known;
  const item = createItem(`recent jobs ${viewerId}`);
  const store = createStore(read(item.get() ?? ""));
  store.subscribe(() => {
    const { submitted: _, ...kept } = store.get();
    item.set(JSON.stringify(kept));
  });
  stores.set(viewerId, store);
  return store;
}

/** What came of one submit. */
export function addRecent(viewerId: string, submitted: readonly JobRowFragment[]): void {
  const store = recentOf(viewerId);
  const made = [...new Set(submitted.map(({ id }) => id))];
  const others = store.get().ids.filter((id) => !made.includes(id));
  store.set({ ids: [...made, ...others].slice(0, MAX), shown: made, together: made, submitted });
}

export function showRecent(viewerId: string, shown: Ids): void {
  const store = recentOf(viewerId);
  store.set({ ...store.get(), shown });
}

/** For a job that is no longer there. */
export function removeRecent(viewerId: string, id: string): void {
  const store = recentOf(viewerId);
  const { submitted, ...lists } = store.get();
  const without = (list: Ids): Ids => list.filter((one) => one !== id);
  const ids = without(lists.ids);
  const shown = without(lists.shown);
  const together = without(lists.together);
  store.set({ ids, shown: shown.length > 0 ? shown : ids.slice(0, 1), together, submitted });
}

function read(text: string): Recent {
  const saved = parseJson(text);
  const toIds = (name: string): Ids => {
    const ids = isObject(saved) ? saved[name] : [];
    return Array.isArray(ids) ? ids.filter(isText) : [];
  };
  return { ids: toIds("ids"), shown: toIds("shown"), together: toIds("together"), submitted: [] };
}
