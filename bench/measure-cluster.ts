import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { startBenchPostgres } from "./bench-postgres.ts";
import { measureChanges } from "./cluster-changes.ts";
import { measureJobs } from "./cluster-jobs.ts";
import { measureSubmits } from "./cluster-submits.ts";
import { measureTakeover } from "./cluster-takeover.ts";
import type { Figure } from "./figure.ts";
import { startFleet } from "./fleet.ts";

/** Gateways that share a Postgres, against one that has it for itself; all with the settings that they have by default. */
export async function measureCluster(upstream: FaultyUpstream): Promise<Figure[]> {
  await using postgres = await startBenchPostgres();
  const takeover = await measureTakeover(postgres);
  await using one = await startFleet(postgres, upstream, 1);
  await using three = await startFleet(postgres, upstream, 3);
  return [
    ...(await measureJobs(postgres, upstream, one, three)),
    ...(await measureChanges(upstream, three)),
    ...(await measureSubmits(postgres, upstream, one, three)),
    ...takeover,
  ];
}
