import type { Cluster } from "./cluster.ts";

/** Deployments whose jobs' answers can't be read, and the errors that those jobs may end with. */
const ERRORS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["fault-deep-body--polls", new Set(["EXPIRED"])],
  // With their default of a day, the deadline is not what ends it.
  ["fault-completed-with-nothing", new Set(["EXPIRED", "INVALID_RESPONSE"])],
]);
const DEADLINE_SECONDS = "5";

/** Deployments whose jobs stay open until `expirePoison`. */
export const POISON: ReadonlySet<string> = new Set(ERRORS.keys());

/**
 * Replaces all gateways by some for which the jobs of `POISON`, and no others, are past their deadline: everything else
 * has to have ended before.
 */
export async function expirePoison(cluster: Cluster): Promise<void> {
  for (const member of cluster.members()) {
    await cluster.add({ environment: { JOB_DEADLINE_SECONDS: DEADLINE_SECONDS } });
    await cluster.remove(member, "SIGTERM");
  }
}

/** Which jobs have ended as they must not, a sentence each; that a submit's fate stayed unknown is no such end. */
export async function findWrongEnds({ database }: Cluster): Promise<readonly string[]> {
  const { rows } = await database.query<{
    id: string;
    deployment: string;
    status: string;
    code: string | null;
  }>(
    `select id, deployment_id as deployment, status, error_code as code from jobs
     where finished_at is not null and (status <> 'SUCCEEDED' or deployment_id = any($1))
       and error_code is distinct from 'SUBMISSION_UNKNOWN'`,
    [[...POISON]],
  );
  return rows
    .filter(({ deployment, code }) => !ERRORS.get(deployment)?.has(code ?? ""))
    .map(({ id, deployment, status, code }) => `Job ${id} of ${deployment} is ${status} ${code}.`);
}
