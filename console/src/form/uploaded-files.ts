import { createStore } from "../store";

type File = { readonly name: string; readonly url: string; readonly type: string };

/** What this page uploaded, by what stands for it in an input; a reload forgets the files, as only the gateway has them then. */
export const uploaded = createStore<ReadonlyMap<string, File>>(new Map());

export function remember(reference: string, file: globalThis.File): void {
  const known = { name: file.name, url: URL.createObjectURL(file), type: file.type };
  uploaded.set(new Map([...uploaded.get(), [reference, known]]));
}
