import { timingSafeEqual } from "node:crypto";

import { expect, onTestFinished, test, vi } from "vitest";

import { openApiKeys } from "../../src/auth/open-api-keys.ts";
import { createApiKeysFile, idOf } from "./api-keys-file.ts";
import { NO_LIMITS } from "../support/viewers.ts";
import { createRecordedLog } from "./recorded-log.ts";

vi.mock("node:crypto", async (original) => {
  const crypto = await original<typeof import("node:crypto")>();
  return { ...crypto, timingSafeEqual: vi.fn(crypto.timingSafeEqual) };
});

test("an unknown id, a wrong secret and no key at all cost the same comparison as a right key", async () => {
  const { file, create } = await createApiKeysFile();
  const key = await create("web");
  const { log } = createRecordedLog();
  const keys = await openApiKeys({ file, limits: NO_LIMITS, log });
  onTestFinished(() => keys.close());
  const wrongSecret = `rck_${idOf(key)}_${"A".repeat(43)}`;
  const unknownId = key.replace(idOf(key), "0".repeat(16));
  for (const given of [key, wrongSecret, unknownId, "no-key"]) {
    vi.mocked(timingSafeEqual).mockClear();
    await Promise.allSettled([keys.authenticate(`Bearer ${given}`)]);
    expect(vi.mocked(timingSafeEqual), given).toHaveBeenCalledTimes(1);
  }
});
