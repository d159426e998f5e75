import type { MoneyTables } from "../../../src/parts/money/tables.ts";
import type { IsolationOfPart } from "../../schema/isolation-cases.ts";

/** What the other owner's job costs is known, by what an instance costs. */
export const isolation: IsolationOfPart = {
  foreignJob: {
    async alsoWrite(transaction, { id, ownerId, deploymentId }) {
      await transaction
        .withTables<MoneyTables>()
        .insertInto("money_jobs")
        .values({
          ...{ job_id: id, owner_id: ownerId, deployment_id: deploymentId },
          ...{
            source: "ESTIMATED",
            min_micros: 10_000,
            max_micros: 20_000,
            reason: "By its runs.",
          },
          ...{ priced_at: 1, second_micros: 10, overhead_seconds: 360 },
        })
        .execute();
    },
  },
};
