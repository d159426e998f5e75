import { type Asset, searchAssets } from "../../../job/asset.ts";
import { isJsonObject, type JsonValue } from "../../../job/json.ts";

/**
 * Every file that the nodes of a workflow saved once, in the order of their ids and at most 1,000, without previews and
 * texts. `outputs` names the nodes that count; null is all.
 */
export function findWorkflowAssets(
  output: JsonValue,
  outputs: readonly string[] | null,
  onLongUrl?: () => void,
): Asset[] {
  return searchAssets(output, {
    onLongUrl,
    toKeys(of, depth) {
      const keys = Object.keys(of);
      if (depth > 0) return keys;
      return keys.filter((id) => outputs?.includes(id) !== false).toSorted(compareNodes);
    },
    isFile: (step) => step !== undefined && step.key === "url" && isSaved(step.of),
  });
}

function isSaved(file: JsonValue): boolean {
  return isJsonObject(file) && (file["type"] ?? "output") === "output";
}

/** `9` comes before `12`, and `38:9`, which is in a node that is a workflow itself, before `38:42`. */
function compareNodes(one: string, other: string): number {
  return NODES.compare(one, other);
}

const NODES = new Intl.Collator("en", { numeric: true });
