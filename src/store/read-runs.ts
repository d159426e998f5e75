import type { Selectable } from "kysely";

import type { Run } from "../job/run.ts";
import { namesOf } from "../job/upstream.ts";
import type { Database } from "./database.ts";
import type { JobStore } from "./job-store.ts";
import type { Tables } from "./tables.ts";

/** That are kept of a deployment and upstream. */
export const MAX_RUNS = 200;

export function createReadRuns({ reads, upstream }: Database): JobStore["readRuns"] {
  return async (deploymentId) => {
    const rows = await reads
      .selectFrom("runs")
      .selectAll()
      .where("deployment_id", "=", deploymentId)
      .where("upstream", "in", namesOf(upstream))
      .orderBy("number", "desc")
      .limit(MAX_RUNS)
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
