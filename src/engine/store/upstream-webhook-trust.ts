import type { Database } from "./database.ts";

export type UpstreamWebhookTrust = ReturnType<typeof createUpstreamWebhookTrust>;

/** How far upstream webhooks at ends of a deployment's jobs are trusted, shared by all gateways; 0 where unknown. */
export function createUpstreamWebhookTrust({ queries, reads, upstream }: Database) {
  return {
    async read(deploymentId: string): Promise<number> {
      const row = await reads
        .selectFrom("upstream_webhook_trust")
        .select("trust")
        .where("upstream", "=", upstream)
        .where("deployment_id", "=", deploymentId)
        .executeTakeFirst();
      return row?.trust ?? 0;
    },

    /** If gateways note it at the same time, the last one counts. */
    async note(deploymentId: string, trust: number): Promise<void> {
      await queries
        .insertInto("upstream_webhook_trust")
        .values({ upstream, deployment_id: deploymentId, trust })
        .onConflict((conflict) =>
          conflict.columns(["upstream", "deployment_id"]).doUpdateSet({ trust }),
        )
        .execute();
    },
  };
}
