import type { JsonValue } from "../job/json.ts";
import type { JobKind } from "../job/kind.ts";
import type { PreparedOutput } from "../job/prepared-output.ts";
import { findAdapter } from "./kinds/find-kind.ts";

/** Walks an output and serializes it. `outputs` are its parts that count; null is all. */
export function prepareOutput(
  output: JsonValue,
  kind: JobKind,
  outputs: readonly string[] | null,
): PreparedOutput {
  let longUrls = 0;
  const assets = findAdapter(kind).findAssets(output, outputs, () => (longUrls += 1));
  return { text: JSON.stringify(output), assets, longUrls };
}
