import { createItem } from "runcomfy-graphql-client";

import { parseJson } from "../model/json";
import { useStore } from "./store";

export type Kept<Value> = {
  readonly item: ReturnType<typeof createItem>;
  get(): Value;
  set(value: Value): void;
};

/** A value that outlives screens and reloads; `read` makes it of what is kept, undefined for nothing. */
export function createKept<Value>(name: string, read: (kept: unknown) => Value): Kept<Value> {
  const item = createItem(name);
  return {
    item,
    get: () => read(parseJson(item.get() ?? "")),
    set: (value) => item.set(JSON.stringify(value)),
  };
}

export function useKept<Value>({ item, get }: Kept<Value>): Value {
  useStore(item);
  return get();
}
