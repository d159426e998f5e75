import type { DefinitionNode, FragmentDefinitionNode, SelectionSetNode } from "graphql";
import { Kind } from "graphql";

/**
 * Whether more than `most` pairs of fields of one name, or of fragments, stand in one place of the answer. Takes time
 * by the length of the roots with their fragments written out; no fragment may spread itself.
 */
export function hasMorePairs(
  roots: readonly DefinitionNode[],
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  most: number,
): boolean {
  let pairCount = 0;
  const open = roots.map((root) => ("selectionSet" in root ? [root.selectionSet] : []));
  for (let sets = open.pop(); sets !== undefined && pairCount <= most; sets = open.pop()) {
    const { fields, spreadCount } = collect(sets, fragments);
    pairCount += toPairs(spreadCount);
    for (const { count, below } of fields) {
      pairCount += toPairs(count);
      if (below.length > 0) open.push(below);
    }
  }
  return pairCount > most;
}

type Field = { count: number; readonly below: SelectionSetNode[] };

/** The fields of one place by their name in the answer, through all fragments. */
function collect(
  sets: readonly SelectionSetNode[],
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
) {
  const fields = new Map<string, Field>();
  const open = [...sets];
  let spreadCount = 0;
  for (let set = open.pop(); set !== undefined; set = open.pop()) {
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) {
        const key = (selection.alias ?? selection.name).value;
        const field = fields.get(key) ?? { count: 0, below: [] };
        field.count += 1;
        if (selection.selectionSet !== undefined) field.below.push(selection.selectionSet);
        fields.set(key, field);
        continue;
      }
      if (selection.kind === Kind.FRAGMENT_SPREAD) spreadCount += 1;
      const below =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? fragments.get(selection.name.value)?.selectionSet
          : selection.selectionSet;
      if (below !== undefined) open.push(below);
    }
  }
  return { fields: fields.values(), spreadCount };
}

function toPairs(count: number): number {
  return (count * (count - 1)) / 2;
}
