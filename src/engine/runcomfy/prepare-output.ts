import type { JsonValue } from "../job/json.ts";
import type { JobKind } from "../job/kind.ts";
import type { Asset } from "../job/asset.ts";
import { findAdapter } from "./kinds/find-kind.ts";

/**
 * An output as it is stored, and how many of its URLs are too long to be assets. `outputs` are its parts that count; null is
 * all.
 */
export function prepareOutput(
  output: JsonValue,
  kind: JobKind,
  outputs: readonly string[] | null,
): { readonly text: string; readonly assets: readonly Asset[]; readonly longUrls: number } {
  let longUrls = 0;
  const assets = findAdapter(kind).findAssets(output, outputs, () => (longUrls += 1));
  return { text: JSON.stringify(output), assets, longUrls };
}
