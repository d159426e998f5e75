import { isObject, isText } from "../model/json";
import { createKept } from "../session/kept";

type Ids = readonly string[];
type Recent = {
  /** Newest first. */
  readonly ids: Ids;
  /** Those of the last submit. */
  readonly together: Ids;
  /** The one that is shown; null for all of the last submit. */
  readonly shown: string | null;
};

const MAX = 12;

/** The jobs that this page submitted for a viewer. */
export function recentOf(viewerId: string) {
  return createKept(`recent jobs ${viewerId}`, readRecent);
}

/** The outcome of one submit. */
export function addRecent(viewerId: string, made: Ids): void {
  const store = recentOf(viewerId);
  const others = store.get().ids.filter((id) => !made.includes(id));
  store.set({ ids: [...made, ...others].slice(0, MAX), together: made, shown: null });
}

export function showRecent(viewerId: string, shown: string | null): void {
  const store = recentOf(viewerId);
  store.set({ ...store.get(), shown });
}

/** For a job that is no longer there. */
export function removeRecent(viewerId: string, id: string): void {
  const store = recentOf(viewerId);
  const { ids, together, shown } = store.get();
  const without = (list: Ids): Ids => list.filter((one) => one !== id);
  const other = shown === id ? null : shown;
  store.set({ ids: without(ids), together: without(together), shown: other });
}

function readRecent(kept: unknown): Recent {
  const { ids, together, shown } = isObject(kept) ? kept : {};
  const toIds = (list: unknown): Ids => (Array.isArray(list) ? list.filter(isText) : []);
  return { ids: toIds(ids), together: toIds(together), shown: isText(shown) ? shown : null };
}
