/**
 * The contract's list of these deployments, the last one first, without those that begin with `unlisted`. What tells one
 * from another follows from its id; `changes` are made to each.
 */
export function toList(
  ids: readonly string[],
  changes: Readonly<Record<string, unknown>> = {},
): Record<string, unknown>[] {
  const listed = ids.filter((id) => !id.startsWith("unlisted")).toReversed();
  return listed.map((id) => toListed(id, changes));
}

function toListed(id: string, changes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return {
    id,
    name: `The deployment ${id}`,
    hardware: ["AMPERE_48"],
    min_instances: 0,
    max_instances: id.length,
    queue_size: 1,
    keep_warm_duration_in_seconds: 60,
    status: "standby",
    is_enabled: true,
    created_at: "2025-07-01T09:00:00.000000",
    updated_at: "2025-07-01T09:00:00.000000",
    ...changes,
  };
}
