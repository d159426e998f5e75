import { useEffect, useEffectEvent, useState } from "react";

import type { Draft } from "../model/draft";
import type { Field } from "../model/fields";
import { findSlot, type Slot } from "../model/place-file";

/** Takes what is dropped or pasted anywhere on the page, and shows meanwhile where it would go. */
export function DropAnywhere({
  fields,
  draft,
  onGive,
}: {
  readonly fields: readonly Field[];
  readonly draft: Draft;
  readonly onGive: (given: readonly (File | string)[], meant: Slot | null) => void;
}) {
  const [target, setTarget] = useState<string | null>(null);
  const handle = useEffectEvent((event: DragEvent | ClipboardEvent) => {
    const data = "dataTransfer" in event ? event.dataTransfer : event.clipboardData;
    const meant = toSlot(event);
    if (event.type === "dragover") {
      // Else the page does not take it: `main.tsx`.
      if (!event.defaultPrevented) return;
      const type = [...(data?.items ?? [])].find(({ kind }) => kind === "file")?.type ?? "";
      const slot = findSlot(fields, draft, type, meant);
      return setTarget(
        slot ? `Drop it here as: ${slot.label}` : "This deployment takes no such file",
      );
    }
    // From one element to the next; from the window it has nowhere to go.
    if ("relatedTarget" in event && event.type === "dragleave" && event.relatedTarget) return;
    setTarget(null);
    const files = [...(data?.files ?? [])];
    const address = data?.getData("text/uri-list").split("\n")[0]?.trim() ?? "";
    if (files.length > 0) {
      event.preventDefault();
      onGive(files, meant);
    } else if (event.type === "drop" && /^https?:/.test(address)) onGive([address], meant);
  });
  useEffect(() => {
    const ending = new AbortController();
    for (const type of ["dragover", "dragleave", "drop", "paste"] as const)
      addEventListener(type, (event) => handle(event), { signal: ending.signal });
    return () => ending.abort();
  }, []);

  return (
    target !== null && (
      <div role="status" className="floating run-over">
        {target}
      </div>
    )
  );
}

function toSlot({ target }: Event): Slot | null {
  const place = target instanceof Element ? target.closest<HTMLElement>("[data-slot]") : null;
  const { slot, index } = place?.dataset ?? {};
  return slot === undefined ? null : { path: slot, index: Number(index) };
}
