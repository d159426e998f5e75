import type { Kysely, Selectable } from "kysely";

import type { Run } from "../job/run.ts";
import type { JobStore } from "./job-store.ts";
import type { Tables } from "./tables.ts";

/** That are kept of a deployment. */
export const MOST_RUNS = 200;

export function createReadRuns(reads: Kysely<Tables>): JobStore["readRuns"] {
  return async (deploymentId) => {
    const rows = await reads
      .selectFrom("runs")
      .selectAll()
      .where("deployment_id", "=", deploymentId)
      .orderBy("number", "desc")
      .limit(MOST_RUNS)
      .execute();
    return rows.map(toRun);
  };
}

function toRun(row: Selectable<Tables["runs"]>): Run {
  return {
    status: row.status,
    work: row.work,
    place: row.place,
    idleMs: row.idle_ms,
    queueMs: row.queue_ms,
    runMs: row.run_ms,
  };
}
