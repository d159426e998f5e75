import { useEffect, useEffectEvent, useState } from "react";

import type { Draft } from "./draft";
import type { Field } from "./fields";
import { findSlot, type Slot } from "./place-file";

/** Takes what is dropped or pasted anywhere on the page, and shows meanwhile where it would go. */
export function DropAnywhere({
  fields,
  draft,
  onFiles,
  onAddress,
}: {
  readonly fields: readonly Field[];
  readonly draft: Draft;
  readonly onFiles: (files: readonly File[], slot: Slot | null) => void;
  readonly onAddress: (address: string, slot: Slot | null) => void;
}) {
  const [target, setTarget] = useState<string | null>(null);

  const hover = useEffectEvent((event: DragEvent) => {
    // The page takes it: `main.tsx`.
    if (!event.defaultPrevented) return;
    const items = [...(event.dataTransfer?.items ?? [])];
    const type = items.find(({ kind }) => kind === "file")?.type ?? "";
    const slot = findSlot(fields, draft, type, toSlot(event));
    setTarget(slot ? `Drop it here as: ${slot.label}` : "This deployment takes no such file");
  });
  const take = useEffectEvent((event: Event, data: DataTransfer | null) => {
    setTarget(null);
    const files = [...(data?.files ?? [])];
    const address = data?.getData("text/uri-list").split("\n")[0]?.trim() ?? "";
    const isAddress = event.type === "drop" && /^https?:/.test(address);
    if (files.length === 0 && !isAddress) return;
    event.preventDefault();
    if (files.length > 0) onFiles(files, toSlot(event));
    else onAddress(address, toSlot(event));
  });
  useEffect(() => {
    const ending = new AbortController();
    const { signal } = ending;
    addEventListener("dragover", (event) => hover(event), { signal });
    addEventListener("drop", (event) => take(event, event.dataTransfer), { signal });
    addEventListener("paste", (event) => take(event, event.clipboardData), { signal });
    // It leaves the window.
    const leave = ({ relatedTarget }: DragEvent): void => {
      if (relatedTarget === null) setTarget(null);
    };
    addEventListener("dragleave", leave, { signal });
    return () => ending.abort();
  }, []);

  return (
    target !== null && (
      <div role="status" className="run-over">
        <span className="card">{target}</span>
      </div>
    )
  );
}

function toSlot({ target }: Event): Slot | null {
  const place = target instanceof Element ? target.closest<HTMLElement>("[data-slot]") : null;
  const { slot, index } = place?.dataset ?? {};
  return slot === undefined ? null : { name: slot, index: Number(index) };
}
