import { createSignedUrls } from "../../src/engine/files/signed-urls.ts";
import type { ServerOptions } from "../../src/api/server/server-parts.ts";
import type { Services } from "../../src/engine/engine.ts";

const unexpected = () => Promise.reject(new Error("the test did not expect this call"));

/** For tests that have nothing to do with files. */
export const NO_FILES: ServerOptions["files"] & Services["files"] = {
  store: {
    draft: unexpected,
    open: async () => null,
    size: async () => null,
    delete: unexpected,
    presign: null,
    close: async () => undefined,
  },
  urls: createSignedUrls({ key: "key", publicUrl: () => "http://127.0.0.1:4000" }),
  uploads: {
    mostBytes: 50 * 1_048_576,
    createUpload: unexpected,
    find: async () => null,
    receive: unexpected,
    check: async () => [],
    toSent: async (input) => input,
  },
  findOwner: async () => "owner",
  endLease: unexpected,
  keeper: { wake: () => undefined },
  publicUrl: null,
};
