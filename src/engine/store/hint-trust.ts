import type { Database } from "./database.ts";

export type HintTrust = ReturnType<typeof createHintTrust>;

/** How far hints of the ends of a deployment's jobs are trusted at the upstream, shared by all gateways; 0 where unknown. */
export function createHintTrust({ queries, reads, upstream }: Database) {
  return {
    async read(deploymentId: string): Promise<number> {
      const row = await reads
        .selectFrom("hint_trust")
        .select("trust")
        .where("upstream", "=", upstream)
        .where("deployment_id", "=", deploymentId)
        .executeTakeFirst();
      return row?.trust ?? 0;
    },

    /** Of gateways that note it at once the last one counts. */
    async note(deploymentId: string, trust: number): Promise<void> {
      await queries
        .insertInto("hint_trust")
        .values({ upstream, deployment_id: deploymentId, trust })
        .onConflict((conflict) =>
          conflict.columns(["upstream", "deployment_id"]).doUpdateSet({ trust }),
        )
        .execute();
    },
  };
}
