import type { FileStore } from "./file-store.ts";
import type { FindOwner } from "./open-files.ts";
import { makeThumbnail, THUMBNAIL_WIDTHS, toThumbnailName } from "./thumbnail.ts";

/** Makes what finds the name of a smaller picture, which is made where it is missing; null where there can be none. */
export function createFindThumbnail({
  store,
  findOwner,
  endLease,
}: {
  readonly store: FileStore;
  readonly findOwner: FindOwner;
  readonly endLease: (name: string) => Promise<void>;
}) {
  return async ({
    name,
    width,
  }: {
    readonly name: string;
    readonly width: number;
  }): Promise<string | null> => {
    const known = THUMBNAIL_WIDTHS.find((one) => one === width);
    if (known === undefined) return null;
    const smaller = toThumbnailName(name, known);
    if ((await store.size(smaller)) !== null) return smaller;
    const picture = await makeThumbnail(() => store.open(name), { width: known });
    if (picture === null) return null;
    await using draft = await store.draft(toStream(picture), { mostBytes: picture.length });
    await draft.keepAs(smaller, "image/webp");
    if ((await findOwner(name)) !== null) {
      await endLease(smaller);
      return smaller;
    }
    // The deletion of its file, meanwhile, did not find it.
    await store.delete(smaller);
    return null;
  };
}

async function* toStream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
