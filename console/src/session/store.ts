import { useSyncExternalStore } from "react";

/** A value that anybody may read and subscribe to. */
export type Store<Value> = {
  get(): Value;
  set(value: Value): void;
  subscribe(listener: () => void): () => void;
  /** Whether anybody listens. */
  isHeard(): boolean;
};

export function createStore<Value>(first: Value): Store<Value> {
  let current = first;
  const listeners = new Set<() => void>();
  return {
    get: () => current,
    set(value) {
      current = value;
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    isHeard: () => listeners.size > 0,
  };
}

export function useStore<Value>({
  subscribe,
  get,
}: Pick<Store<Value>, "subscribe" | "get">): Value {
  return useSyncExternalStore(subscribe, get);
}

/** The time, set every second, to show how long ago something was. */
export const clock = createStore(Date.now());
