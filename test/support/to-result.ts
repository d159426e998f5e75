import { findAssets } from "../../src/engine/job/asset.ts";
import type { JsonValue } from "../../src/engine/job/json.ts";
import type { Result } from "../../src/engine/store/job-store.ts";

/** What is stored at the end of a job with this output. */
export function toResult(output: JsonValue, keep: readonly string[] = []): Result {
  return { output: JSON.stringify(output), assets: findAssets(output), keep };
}
