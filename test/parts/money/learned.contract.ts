import { expect, test } from "vitest";

import { createMoneyRows } from "../../../src/parts/money/money-rows.ts";
import { ACCEPTED, type Context, insertJob, see, SUCCEEDED } from "../../store/store-jobs.ts";

/** A second of a day on which none of the tests runs. */
const START_MS = Date.UTC(2026, 0, 1, 12);

/** What every database promises of what costs teach. */
export function describeLearned({ store }: Context): void {
  const rows = () => createMoneyRows(store());
  let count = 0;

  /** A run that cost so much; null where RunComfy has not told. Later ones have smaller ids. */
  async function run(
    cost: number | null,
    { ownerId = "ben", deploymentId = "a/b", settings = "usual" } = {},
  ): Promise<void> {
    count += 1;
    const id = `job_${String(1_000 - count)}`;
    const finishedAt = new Date(START_MS + count * 1_000);
    const facts = {
      id,
      ownerId,
      deploymentId,
      kind: "model",
      createdAt: new Date(START_MS),
    } as const;
    const job = await insertJob(store(), facts, {
      alsoWrite: async (transaction) =>
        await rows().insert(transaction, {
          ...{ job_id: id, owner_id: ownerId, deployment_id: deploymentId, settings },
          ...{ source: "ESTIMATED", micros: 1, min_micros: null, max_micros: null, reason: "r" },
          ...{ priced_at: 1, second_micros: null, overhead_seconds: 0, reserve_micros: null },
          ...{ credential_id: null, day_limit_micros: null, month_limit_micros: null },
        }),
    });
    await see(store(), job, ACCEPTED, { ...SUCCEEDED, finishedAt, ...(cost !== null && { cost }) });
  }

  const learn = (ownerId = "ben") => rows().readLearned(ownerId, "a/b", "usual");

  test("three runs that cost the same teach what the next one costs", async () => {
    expect(await learn()).toBeNull();
    await run(0.04);
    await run(0.04);
    expect(await learn()).toBeNull();
    await run(0.04);
    expect(await learn()).toBe(40_000);
  });

  test("only the latest three count, also of one day", async () => {
    for (const cost of [0.04, 0.04, 0.04, 0.05]) await run(cost);
    expect(await learn()).toBeNull();
    for (const cost of [0.05, 0.05]) await run(cost);
    expect(await learn()).toBe(50_000);
  });

  test("another owner's runs teach nothing, nor do those of another deployment or with other settings", async () => {
    for (const others of [{ ownerId: "amy" }, { deploymentId: "a/c" }, { settings: "large" }])
      for (let index = 0; index < 3; index += 1) await run(0.04, others);
    expect(await learn()).toBeNull();
    expect(await learn("amy")).toBe(40_000);
  });

  test("a run whose cost nobody has told teaches nothing, and one that cost nothing does", async () => {
    for (const cost of [0, null, 0, null, 0]) await run(cost);
    expect(await learn()).toBe(0);
  });
}
