import { useState } from "react";

import { type Draft, tokensIn } from "../model/draft";
import type { Field } from "../model/fields";
import { switchAll, UPLOADING } from "../model/input";
import { isText } from "../model/json";
import { exchange, findSlot, putInto, type Slot } from "../model/place-file";
import type { Kept } from "../session/kept";
import { useSession } from "../session/session";
import { useStore } from "../session/store";
import { noteChange } from "../session/submit-keys";

const FILE_LOST = "A file did not get here. Remove it, or choose it again.";
const MISFIT = "can't be used here: there is no field, or no room, for a file of its type.";

/** Changes a draft, by what is typed and by files that are given. */
export function useEdits(store: Kept<Draft>, fields: readonly Field[], known: readonly Field[]) {
  const { uploads } = useSession();
  const [misfit, setMisfit] = useState("");
  const files = useStore(uploads.files);
  const tokens = tokensIn(fields, store.get());
  const isLost = tokens.some((token) => files.get(token)?.problem !== null);

  const change = (next: Draft): void => {
    noteChange();
    setMisfit("");
    store.set(next);
  };
  /** Files, or an address: the first goes where it was meant to go, the others beside it or where room is. */
  const give = (given: readonly (File | string)[], meant: Slot | null): void => {
    for (const [nth, one] of given.entries()) {
      const { name, type } = isText(one) ? { name: one, type: "" } : one;
      const slot = findSlot(fields, store.get(), type, meant, nth === 0);
      if (slot === null) return setMisfit(`${name} ${MISFIT}`);
      const text = isText(one)
        ? one
        : uploads.begin(one, (from, to) => store.set(exchange(store.get(), from, to)));
      change(putInto(store.get(), slot, text));
    }
  };
  const writeAll = (): void => {
    const next = switchAll(known, store.get());
    if (isText(next)) setMisfit(next);
    else change(next);
  };
  return {
    change,
    give,
    /** All as JSON instead of fields, or the other way round. */
    writeAll,
    /** Why the last file went nowhere, or the form stayed as it was; empty where they did not. */
    misfit,
    /** Why files keep the draft from being sent; empty where they don't. */
    hold: isLost ? FILE_LOST : tokens.length > 0 ? UPLOADING : "",
  };
}
