import { useMemo } from "react";

import type { Run } from "../charts/charted-run";
import { RunTimes } from "../charts/run-times";
import type { DeploymentRunsQuery } from "../gql";
import { useRuns } from "./use-runs";

/** How long the last runs waited and ran. */
export function History({ id }: { readonly id: string }) {
  const { edges, error } = useRuns(id);
  const runs = useMemo(() => (edges ? toRuns(edges) : null), [edges]);
  return (
    <section>
      <h3>Waits and run times</h3>
      {error && !edges ? <p role="alert">{error.message}</p> : <RunTimes runs={runs} />}
    </section>
  );
}

/** Oldest first; without those of which a time is not known. */
function toRuns(edges: DeploymentRunsQuery["jobs"]["edges"]): Run[] {
  const runs: Run[] = [];
  for (const { node } of edges) {
    const { id, createdAt, queueSeconds, runSeconds, status } = node;
    if (queueSeconds == null || runSeconds == null) continue;
    runs.push({
      id,
      at: createdAt,
      waited: queueSeconds,
      ran: runSeconds,
      hasFailed: status === "FAILED",
    });
  }
  return runs.toReversed();
}
