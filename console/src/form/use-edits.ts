import { useState } from "react";

import { type Draft, isToken, toLines } from "../model/draft";
import type { Field } from "../model/fields";
import { isText } from "../model/json";
import { exchange, findSlot, putInto, type Slot } from "../model/place-file";
import type { Kept } from "../session/kept";
import { useSession } from "../session/session";
import { useStore } from "../session/store";
import { noteChange } from "../session/submit-keys";

const UPLOADING = "The upload has to end first.";
const FILE_LOST = "A file did not get here. Remove it, or choose it again.";
const MISFIT = "can't be used here: there is no field, or no room, for a file of its type.";

/** Changes a draft, by what is typed and by files that are given. */
export function useEdits(store: Kept<Draft>, fields: readonly Field[]) {
  const { uploads } = useSession();
  const [misfit, setMisfit] = useState("");
  const files = useStore(uploads.files);
  const tokens = Object.values(store.get()).flatMap(toLines).filter(isToken);
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
  return {
    change,
    give,
    /** Why the last file went nowhere; empty where it went somewhere. */
    misfit,
    /** Why files keep the draft from being sent; empty where they don't. */
    hold: isLost ? FILE_LOST : tokens.length > 0 ? UPLOADING : "",
  };
}
