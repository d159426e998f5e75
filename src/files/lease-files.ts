import type { Files } from "../store/files.ts";
import type { FileStore } from "./file-store.ts";

const LEASE_MS = 60 * 60_000;
/** A file may take so long to be written: S3 has time for 50 KB/s, and is asked three times. */
const SLOWEST_BYTES_PER_MS = 10;

/** Lets a row name each file before it is written, so that what a crash leaves is found and deleted. */
export function leaseFiles<Store extends FileStore>(
  store: Store,
  files: Pick<Files, "lease">,
): Store {
  return {
    ...store,
    async draft(bytes, options) {
      const draft = await store.draft(bytes, options);
      return {
        ...draft,
        async keepAs(name, contentType) {
          await files.lease(name, LEASE_MS + Math.ceil(draft.bytes / SLOWEST_BYTES_PER_MS));
          await draft.keepAs(name, contentType);
        },
      };
    },
  };
}
