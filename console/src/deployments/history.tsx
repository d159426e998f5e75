import { useMemo } from "react";
import { useQuery } from "urql";

import type { Run } from "../charts/run";
import { RunTimes } from "../charts/run-times";
import type { DeploymentRunsQuery } from "../gql/graphql";
import { explain } from "../session";
import { RUNS } from "./documents";
import { useFresh } from "./use-fresh";

/** How long the last runs waited and ran. */
export function History({ id }: { readonly id: string }) {
  const filter = useMemo(
    () => ({ deploymentId: id, status: ["SUCCEEDED" as const, "FAILED" as const] }),
    [id],
  );
  const [{ data, error }, ask] = useQuery({ query: RUNS, variables: { id, filter } });
  useFresh(id, () => ask({ requestPolicy: "network-only" }));
  const runs = useMemo(() => (data ? toRuns(data) : null), [data]);
  return (
    <section>
      <h3>Waits and run times</h3>
      {error && !data ? <p role="alert">{explain(error)}</p> : <RunTimes runs={runs} />}
    </section>
  );
}

/** Oldest first; without those of which a time is not known. */
function toRuns({ jobs }: DeploymentRunsQuery): Run[] {
  const runs: Run[] = [];
  for (const { node } of jobs.edges) {
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
