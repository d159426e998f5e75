import { sql } from "kysely";
import { describe, expect, onTestFinished, test } from "vitest";

import type { Job } from "../../src/engine/job/job.ts";
import { FIRST_ASK_MS } from "../../src/engine/store/late-costs.ts";
import { readFeed } from "../support/read-feed.ts";
import { toResult } from "../support/to-result.ts";
import { ACCEPTED, type Context, insertJob, see } from "./store-jobs.ts";

const LATE = { ...toResult(null), isCostDue: true };
const DUE = { limit: 10, exceptDeployments: [] };
const MODEL = { kind: "model", deploymentId: "a/b", apiVersion: "v1" } as const;

/** What every database promises of costs that are reported after the end. */
export function describeLateCosts({ store, as, execute, count, restart }: Context): void {
  const pass = (ms: number) =>
    execute(`update late_costs set due_at = due_at - ${ms}, ended_at = ended_at - ${ms}`);

  /** A job that ended without its cost, so long ago. */
  async function end(passedMs = FIRST_ASK_MS, facts: Partial<Job> = {}): Promise<Job> {
    const job = await see(
      store(),
      await insertJob(store(), { ...MODEL, ...facts }),
      ACCEPTED,
      LATE,
    );
    await pass(passedMs);
    return job;
  }

  async function claimOne(from = store()) {
    const { costs } = await from.lateCosts.claimDue(DUE);
    const [claimed] = costs;
    if (claimed === undefined || costs.length > 1) throw new Error("one was due");
    return claimed;
  }

  describe("late costs", () => {
    test("are due two seconds after the end was stored, with all that asks for them", async () => {
      const { lateCosts } = store();
      const job = await end(0);
      const early = await lateCosts.claimDue(DUE);
      expect(early.costs).toEqual([]);
      expect(early.nextInMs).toBeGreaterThan(FIRST_ASK_MS - 1_000);
      expect(early.nextInMs).toBeLessThanOrEqual(FIRST_ASK_MS);
      await pass(FIRST_ASK_MS);
      const { sinceEndMs, ...claimed } = await claimOne();
      expect(claimed).toEqual({
        jobId: job.id,
        ownerId: job.ownerId,
        ...MODEL,
        requestId: "r",
        token: expect.any(Number),
      });
      expect(sinceEndMs).toBeGreaterThanOrEqual(FIRST_ASK_MS);
    });

    test("are not due of a job whose cost came with its result, or never comes", async () => {
      await see(store(), await insertJob(store(), MODEL), ACCEPTED, toResult(null));
      expect(await count("late_costs")).toBe(0);
    });

    test("are not due of a job whose end somebody else has stored first", async () => {
      const job = await end();
      const before: Job = { ...job, version: job.version - 1, status: "IN_PROGRESS" };
      expect(await store().jobs.save(before, job, LATE)).toBe(false);
      expect(await count("late_costs")).toBe(1);
    });

    test("are claimed by one gateway, and by the next one when that has died", async () => {
      await end();
      const { jobId } = await claimOne();
      const { costs, nextInMs } = await store().lateCosts.claimDue(DUE);
      expect(costs).toEqual([]);
      expect(nextInMs).toBeGreaterThan(8_000);
      await restart();
      await pass(15_000);
      expect(await claimOne()).toMatchObject({ jobId, requestId: "r" });
    });

    test("are claimed up to a limit, those first that are due longest, but for some deployments", async () => {
      const { lateCosts } = store();
      await end(0, { deploymentId: "in/outage" });
      const [first, second, third] = [await end(1_000), await end(1_000), await end()];
      const some = { limit: 2, exceptDeployments: ["in/outage"] };
      const ids = async () =>
        (await lateCosts.claimDue(some)).costs.map(({ jobId }) => jobId).toSorted();
      expect(await ids()).toEqual([first.id, second.id].toSorted());
      const { costs, nextInMs } = await lateCosts.claimDue(some);
      expect(costs.map(({ jobId }) => jobId)).toEqual([third.id]);
      // Not that of the deployment, which has been due all the time.
      expect(nextInMs).toBeGreaterThan(8_000);
    });

    test("of another upstream are left alone", async () => {
      const job = await end();
      const other = as("https://api.example.com https://models.example.com");
      expect(await other.lateCosts.claimDue(DUE)).toEqual({ costs: [], nextInMs: null });
      expect(await claimOne()).toMatchObject({ jobId: job.id });
    });

    test("are due later once they are put back, which ends the claim", async () => {
      const { lateCosts } = store();
      await end();
      const claimed = await claimOne();
      await lateCosts.putBack(claimed, 58_000);
      const { nextInMs } = await lateCosts.claimDue(DUE);
      expect(nextInMs).toBeGreaterThan(50_000);
      await lateCosts.settle(claimed, 0.5);
      await lateCosts.giveUp(claimed);
      expect(await count("late_costs")).toBe(1);
      expect(await store().jobs.read(claimed.jobId)).toMatchObject({ cost: null });
    });

    test("are written down once, as a version of their own, which the feed reports", async () => {
      const { feed, jobs, lateCosts } = store();
      const job = await end();
      const head = await feed.readHead();
      const claimed = await claimOne();
      await lateCosts.settle(claimed, 0.1 + 0.2);
      await lateCosts.settle(claimed, 0.5);
      expect(await jobs.read(job.id)).toMatchObject({ cost: 0.1 + 0.2, version: job.version + 1 });
      const page = await readFeed(store(), head, 10);
      expect(page?.changes).toMatchObject([{ job: { id: job.id }, reason: "COST" }]);
      expect(await count("late_costs")).toBe(0);
    });

    test("stay unknown once they are given up", async () => {
      const job = await end();
      await store().lateCosts.giveUp(await claimOne());
      expect(await count("late_costs")).toBe(0);
      expect(await store().jobs.read(job.id)).toMatchObject({ cost: null, version: job.version });
    });

    test("are asked for after their job was deleted, and noted for triggers of parts, once", async () => {
      const { database, jobs, lateCosts } = store();
      const name = "late_costs_book";
      const run = async (statements: readonly ReturnType<typeof sql>[]) => {
        for (const statement of statements) await statement.execute(database.queries);
      };
      await run([
        sql`create table booked (owner_id text, deployment_id text, cost double precision)`,
        ...database.createTrigger({
          name,
          after: sql`update of cost on late_costs`,
          act: sql`insert into booked values (new.owner_id, new.deployment_id, new.cost)`,
        }),
      ]);
      onTestFinished(() => run([...database.dropTrigger(name), sql`drop table booked`]));
      const kept = await end();
      await lateCosts.settle(await claimOne(), 0.25);
      const { id } = await end();
      expect(await jobs.delete(id)).toBe(true);
      const claimed = await claimOne();
      await lateCosts.settle(claimed, 0.5);
      await lateCosts.settle(claimed, 0.5);
      const { rows } = await sql`select * from booked order by cost`.execute(database.queries);
      const of = { owner_id: kept.ownerId, deployment_id: kept.deploymentId };
      expect(rows).toEqual([
        { ...of, cost: 0.25 },
        { ...of, cost: 0.5 },
      ]);
      expect(await jobs.read(id)).toBeNull();
      expect(await count("late_costs")).toBe(0);
    });
  });
}
