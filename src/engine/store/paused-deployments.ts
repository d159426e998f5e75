import { nameJobUpstream, namesOf } from "../job/upstream.ts";
import { CodedError } from "../../runtime/coded-error.ts";
import { atMost, type Database } from "./database.ts";
import { inChunks } from "./job-rows.ts";

/** Why a deployment takes no jobs, in its operator's words, and since when. */
export type DeploymentPause = { readonly reason: string; readonly since: Date };

/** So that all of them can be read at once. */
const MAX_PAUSED = 1_000;

/** The deployments that operators have paused, on all gateways of the upstream. */
export function createPausedDeployments(database: Database) {
  const { lock, nowMs, queries, reads, write } = database;
  // All services have one pause, whether a gateway uses models or not.
  const upstream = nameJobUpstream(database.upstream, "deployments");
  const ours = namesOf(database.upstream);

  return {
    /**
     * Pauses a deployment, or changes why it is paused. Once this resolves, no direct submit to it is inserted on any
     * gateway. Rejects with QUOTA_EXCEEDED where 1,000 others are paused.
     */
    async pause(deploymentId: string, reason: string): Promise<void> {
      await write(async (transaction) => {
        await lock(transaction, "pauses");
        // Waits for the inserts that have not seen the pause; see `Dialect.readPause`.
        await lock(transaction, `pause:${deploymentId}`);
        await transaction
          .insertInto("paused_deployments")
          .values({ upstream, deployment_id: deploymentId, reason, paused_at: nowMs })
          .onConflict((conflict) =>
            conflict.columns(["upstream", "deployment_id"]).doUpdateSet({ reason }),
          )
          .execute();
        const { count } = await transaction
          .selectFrom("paused_deployments")
          .select((eb) => eb.fn.countAll<number>().as("count"))
          .where("upstream", "in", ours)
          .executeTakeFirstOrThrow();
        if (count > MAX_PAUSED) throw tooMany();
      });
    },

    /** Whether it was paused. */
    async resume(deploymentId: string): Promise<boolean> {
      const deleted = await queries
        .deleteFrom("paused_deployments")
        .where("upstream", "in", ours)
        .where("deployment_id", "=", deploymentId)
        .returning("deployment_id")
        .execute();
      return deleted.length > 0;
    },

    /** In the order of the ids; null for each that isn't paused. */
    async readMany(ids: readonly string[]): Promise<(DeploymentPause | null)[]> {
      const rows = await inChunks(ids, (chunk) =>
        reads
          .selectFrom("paused_deployments")
          .select(["deployment_id", "reason", "paused_at"])
          .where("upstream", "in", ours)
          .where("deployment_id", "in", chunk)
          .execute(),
      );
      const pauses = new Map(
        rows.map((row) => [
          row.deployment_id,
          { reason: row.reason, since: new Date(row.paused_at) },
        ]),
      );
      return ids.map((id) => pauses.get(id) ?? null);
    },

    /** The ids of all. */
    async listPaused(): Promise<string[]> {
      const rows = await queries
        .selectFrom("paused_deployments")
        .select("deployment_id")
        .distinct()
        .where("upstream", "in", ours)
        .limit(atMost(MAX_PAUSED))
        .execute();
      return rows.map(({ deployment_id }) => deployment_id);
    },
  };
}

function tooMany(): CodedError {
  return new CodedError(
    "QUOTA_EXCEEDED",
    "1,000 deployments are paused, the most at once. Resume some that need no pause any more, then try again.",
    { limit: MAX_PAUSED },
  );
}
