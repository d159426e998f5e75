import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

import { expect, onTestFinished, test, vi } from "vitest";

import { openApiKeys } from "../../src/auth/open-api-keys.ts";
import { createApiKeysFile, idOf } from "./api-keys-file.ts";
import { NO_LIMITS } from "../support/viewers.ts";
import { createRecordedLog } from "./recorded-log.ts";

test("an unknown id, a wrong secret and no key at all cost the same comparison as a right key", async () => {
  const compare = vi.spyOn(crypto, "timingSafeEqual");
  syncBuiltinESMExports(); // Those who imported it by its name call the spy too.
  onTestFinished(() => {
    compare.mockRestore();
    syncBuiltinESMExports();
  });
  const { file, create } = await createApiKeysFile();
  const key = await create("web");
  const { log } = createRecordedLog();
  const keys = await openApiKeys({ file, limits: NO_LIMITS, log });
  onTestFinished(() => keys.close());
  const wrongSecret = `rck_${idOf(key)}_${"A".repeat(43)}`;
  const unknownId = key.replace(idOf(key), "0".repeat(16));
  for (const given of [key, wrongSecret, unknownId, "no-key"]) {
    compare.mockClear();
    await Promise.allSettled([keys.authenticate(`Bearer ${given}`)]);
    expect(compare, given).toHaveBeenCalledTimes(1);
  }
});
