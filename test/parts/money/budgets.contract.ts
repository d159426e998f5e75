import { sql } from "kysely";
import { pino } from "pino";
import { expect, test } from "vitest";

import { createCatalogue, toUnlisted } from "../../../src/engine/deployments/catalogue.ts";
import { expired } from "../../../src/engine/job/errors.ts";
import { refused } from "../../../src/engine/job/errors.ts";
import type { Job } from "../../../src/engine/job/job.ts";
import { LimitError } from "../../../src/runtime/coded-error.ts";
import { BudgetAdmission } from "../../../src/parts/money/admission.ts";
import { createCosts } from "../../../src/parts/money/costs.ts";
import { createBudgetLimits, type MoneySettings } from "../../../src/parts/money/limits.ts";
import { createMoneyRows, type UsageRow } from "../../../src/parts/money/money-rows.ts";
import type { Quote } from "../../../src/parts/money/quote.ts";
import {
  ACCEPTED,
  CANCELLED,
  type Context,
  FAILED,
  HOLD,
  insertJob,
  RUNNING,
  see,
  SUCCEEDED,
  UNANSWERED,
} from "../../store/store-jobs.ts";
import { LOCAL_VIEWER } from "../../support/viewers.ts";

const NO_LIMIT = { day: null, month: null };
const NONE: MoneySettings = { everybody: NO_LIMIT, owner: NO_LIMIT, unknownMicros: null };
const CENT = 10_000;
const QUOTE: Quote = {
  ...{ source: "ESTIMATED", micros: CENT, minMicros: null, maxMicros: null, reason: "as before" },
  ...{ pricedAt: 1, reserveMicros: CENT, perSecondMicros: null, overheadSeconds: 0 },
  settings: "usual",
};
/** An instance of a cent a second that starts in ten seconds. */
const BY_SECOND: Quote = {
  ...QUOTE,
  ...{ micros: null, minMicros: CENT, maxMicros: 20 * CENT, reserveMicros: 20 * CENT },
  ...{ settings: null, perSecondMicros: CENT, overheadSeconds: 10 },
};
const ANY = {
  ...{ leaseMs: 15_000, closed: [], isTry: false, atOnceOf: () => null, mayLeave: () => true },
};
const MODEL = { kind: "model", deploymentId: "a/model" } as const;

/** What every database promises of budgets. */
export function describeBudgets({ store, execute, count, statements }: Context): void {
  const rows = () => createMoneyRows(store());

  function admit(limits: Partial<MoneySettings>, quote: Quote = QUOTE, ofDeployment: object = {}) {
    const deployment = { ...toUnlisted("d"), ofParts: { ...ofDeployment } };
    return new BudgetAdmission({
      rows: rows(),
      quotes: { quote: async () => quote },
      limits: createBudgetLimits({ ...NONE, ...limits }, createCatalogue([deployment])),
      log: pino({ level: "silent" }),
    });
  }

  async function submit(
    admission: BudgetAdmission,
    { viewer = LOCAL_VIEWER, ...facts }: Partial<Job> & { viewer?: typeof LOCAL_VIEWER } = {},
  ): Promise<Job> {
    const { deploymentId = "d" } = facts;
    const given = { viewer, deploymentId, input: {}, queue: null };
    const { alsoWrite } = await admission.prepare(given);
    const hold = facts.status === "HELD" ? HOLD : undefined;
    return await insertJob(store(), { ownerId: viewer.ownerId, ...facts }, { alsoWrite, hold });
  }

  const refusalOf = async (submitting: Promise<Job>): Promise<LimitError> => {
    const error: unknown = await submitting.catch((thrown: unknown) => thrown);
    if (!(error instanceof LimitError)) throw new Error("it was not refused");
    return error;
  };

  /** What is taken of the one budget, and by how much the sums of rows differ from it. */
  async function readTaken(): Promise<object> {
    const { queries } = store().database;
    const [budget] = await queries
      .withTables<Record<"money_budgets", { reserved_micros: number; spent_micros: number }>>()
      .selectFrom("money_budgets")
      .selectAll()
      .execute();
    const { rows: sums } = await sql<{ readonly reserved: number; readonly spent: number }>`
      select cast(coalesce(sum(case when spent_micros is null then micros end), 0) as bigint) as reserved,
        cast(coalesce(sum(spent_micros), 0) as bigint) as spent from money_reservations`.execute(
      queries,
    );
    const [reserved, spent] = [budget?.reserved_micros ?? 0, budget?.spent_micros ?? 0];
    expect(sums).toEqual([{ reserved, spent }]);
    return { reserved, spent };
  }

  const tellLate = async (job: Job, usd: number) =>
    await execute(
      `${addLateCost(job)};
      update late_costs set cost = ${usd} where job_id = '${job.id}';
      delete from late_costs`,
    );

  test("a submit that does not fit into a budget is refused with what is left and when it renews, and nothing is written", async () => {
    const admission = admit({ owner: { day: 2 * CENT, month: null } });
    await submit(admission);
    await submit(admission);
    const error = await refusalOf(submit(admission));
    expect(error.code).toBe("BUDGET_EXCEEDED");
    expect(error.message).toMatch(
      /^This job may cost \$0\.01, and the budget of owner local for this day has \$0\.00 of \$0\.02 left, so it was not sent\. It renews at \d{4}-\d\d-\d\dT00:00:00\.000Z: submit again then/,
    );
    expect(await count("jobs")).toBe(2);
    expect(await readTaken()).toEqual({ reserved: 2 * CENT, spent: 0 });
    await submit(admission, { viewer: { ...LOCAL_VIEWER, ownerId: "other" } });
  });

  test("a submit that its owner's budget refuses locks no budget of others", async () => {
    const everybody = { day: 100 * CENT, month: 100 * CENT };
    const own = { day: CENT, month: null };
    const admission = admit({ everybody, owner: own }, QUOTE, { budgetUsdPerDay: 1 });
    await submit(admission);
    statements.length = 0;
    expect((await refusalOf(submit(admission))).message).toContain("the budget of owner local");
    const locked = statements.filter((text) => text.includes("into money_budgets"));
    expect(locked).toHaveLength(1);
  });

  test("many submits at once let exactly as many through as fit", async () => {
    const admission = admit({ everybody: { day: 20 * CENT, month: null } });
    const submits = Array.from({ length: 60 }, (_, index) =>
      submit(admission, { viewer: { ...LOCAL_VIEWER, ownerId: `owner-${index % 3}` } }),
    );
    const settled = await Promise.allSettled(submits);
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(20);
    expect(await readTaken()).toEqual({ reserved: 20 * CENT, spent: 0 });
  });

  test("whatever happens at once, nothing fails, and what is taken is the sum of the reservations", async () => {
    const both = { day: 1e6 * CENT, month: 1e6 * CENT };
    const ofDeployment = { budgetUsdPerDay: 100 };
    const admission = admit({ everybody: both, owner: both }, BY_SECOND, ofDeployment);
    const admit1 = (...given: Parameters<BudgetAdmission["claim"]>) => admission.claim(...given);
    const { jobs, holds, lateCosts } = store();
    const ways: readonly ((viewer: typeof LOCAL_VIEWER) => Promise<unknown>)[] = [
      async (viewer) => await jobs.withdraw((await submit(admission, { viewer })).id),
      async (viewer) => {
        const { id } = await see(store(), await submit(admission, { viewer }), ACCEPTED, FAILED);
        await Promise.all([
          jobs.delete(id),
          jobs.deleteOld({ finishedForMs: -1e6, sentForMs: -1e6 }, 5),
        ]);
      },
      async (viewer) => {
        const job = await submit(admission, { viewer, ...MODEL });
        await see(store(), job, ACCEPTED, { ...SUCCEEDED, cost: "not-yet" });
        await execute(addLateCost(job));
        const claimed = { ...CLAIMED, jobId: job.id, ownerId: job.ownerId, sinceEndMs: 0 };
        const settling = lateCosts.settle(claimed, 0.02);
        await Promise.all([settling, jobs.delete(job.id)]);
      },
      async (viewer) => {
        await submit(admission, { viewer, status: "HELD", sentAt: null });
        const claimed = await holds.claim(viewer.ownerId, { ...ANY, admit: admit1 });
        if (claimed.kind === "claimed") await holds.putBack(claimed.job, 0);
      },
      async (viewer) =>
        await see(store(), await submit(admission, { viewer }), ACCEPTED, CANCELLED),
      async (viewer) => await see(store(), await submit(admission, { viewer }), UNANSWERED),
    ];
    await Promise.all(
      Array.from({ length: 90 }, async (_, at) => {
        await ways[at % ways.length]?.({ ...LOCAL_VIEWER, ownerId: `owner-${at % 4}` });
      }),
    );
    const { rows: sums } = await sql`
      select id from money_budgets left join money_reservations on budget = id group by id
        having reserved_micros <> coalesce(sum(case when money_reservations.spent_micros is null then micros end), 0)
          or money_budgets.spent_micros <> coalesce(sum(money_reservations.spent_micros), 0)`.execute(
      store().database.queries,
    );
    expect(sums).toEqual([]);
    expect(await count("money_budgets")).toBe(2 + 2 * 4 + 1);
  });

  test("a cost that came with the end, or later, is spent, also of a job that was deleted", async () => {
    const admission = admit({ everybody: { day: null, month: 100 * CENT } });
    const told = await submit(admission, MODEL);
    await see(store(), told, ACCEPTED, { ...SUCCEEDED, cost: 0.03 });
    expect(await readTaken()).toEqual({ reserved: 0, spent: 3 * CENT });
    const late = await submit(admission, MODEL);
    await see(store(), late, ACCEPTED, { ...SUCCEEDED, cost: "not-yet" });
    expect(await readTaken()).toEqual({ reserved: CENT, spent: 3 * CENT });
    await store().jobs.delete(late.id);
    await tellLate(late, 0.02);
    expect(await readTaken()).toEqual({ reserved: 0, spent: 5 * CENT });
  });

  test("a deletion of jobs that have ended waits for no budget", async () => {
    const admission = admit({ everybody: { day: 100 * CENT, month: null } });
    await see(store(), await submit(admission, MODEL), ACCEPTED, FAILED);
    await execute("begin; update money_budgets set ends_at = ends_at + 1");
    try {
      expect(await store().jobs.deleteOld({ finishedForMs: -1e6, sentForMs: -1e6 }, 10)).toBe(1);
    } finally {
      await execute("commit");
    }
    expect(await readTaken()).toEqual({ reserved: CENT, spent: 0 });
  });

  test("what a run may have cost that was sent stays reserved, and what surely cost nothing is given back", async () => {
    const admission = admit({ everybody: { day: 100 * CENT, month: null } });
    await see(store(), await submit(admission, MODEL), ACCEPTED, FAILED);
    await see(store(), await submit(admission, MODEL), UNANSWERED);
    await see(store(), await submit(admission, MODEL), ACCEPTED, SUCCEEDED);
    expect(await readTaken()).toEqual({ reserved: 3 * CENT, spent: 0 });
    await see(store(), await submit(admission, MODEL), ACCEPTED, CANCELLED);
    expect(await readTaken()).toEqual({ reserved: 3 * CENT, spent: 0 });
    const refused = await submit(admission, MODEL);
    expect(await readTaken()).toEqual({ reserved: 4 * CENT, spent: 0 });
    expect(await store().jobs.withdraw(refused.id)).toBe(true);
    expect(await readTaken()).toEqual({ reserved: 3 * CENT, spent: 0 });
  });

  test("a deployment's run is spent by its seconds with the instance's start, and a cancelled one by the start alone", async () => {
    const admission = admit({ everybody: { day: 100 * CENT, month: null } }, BY_SECOND);
    const run = await see(store(), await submit(admission), ACCEPTED, RUNNING);
    const startedAt = new Date(run.updatedAt.getTime() - 5_000);
    await execute(`update jobs set started_at = ${startedAt.getTime()} where id = '${run.id}'`);
    await see(store(), { ...run, startedAt }, { ...SUCCEEDED, finishedAt: run.updatedAt });
    expect(await readTaken()).toEqual({ reserved: 0, spent: 15 * CENT });
    await see(store(), await submit(admission), ACCEPTED, CANCELLED);
    expect(await readTaken()).toEqual({ reserved: 0, spent: 25 * CENT });
  });

  test("a deployment's run that nobody saw start is spent by the time since it was sent, also where no budget was set", async () => {
    const unlearned = { ...BY_SECOND, source: "UNKNOWN", maxMicros: null } as const;
    await see(store(), await submit(admit({}, unlearned)), ACCEPTED, SUCCEEDED);
    const [{ estimated_micros: estimated, unknown_jobs: unknown } = {}] = await readDays();
    expect(unknown).toBe(0);
    expect(estimated).toBeGreaterThanOrEqual(10 * CENT);
  });

  test("a run whose end nobody saw has no estimate by its seconds", async () => {
    const admission = admit({}, BY_SECOND);
    const error = expired(86_400);
    await see(store(), await submit(admission), ACCEPTED, RUNNING, { ...FAILED, error });
    expect(await readDays()).toMatchObject([{ estimated_micros: 0, unknown_jobs: 1, run_ms: 0 }]);
  });

  test("a job that was cancelled in the queue cost nothing if it is a model's, and nobody knows what if a deployment has no price", async () => {
    const admission = admit({ everybody: { day: 100 * CENT, month: null } });
    const costs = createCosts(rows(), { quote: async () => QUOTE });
    const ofModel = await see(store(), await submit(admission, MODEL), ACCEPTED, CANCELLED);
    expect(await costs.readMany([ofModel])).toMatchObject([
      { source: "ESTIMATED", usd: 0, reason: expect.stringContaining("before it ran") },
    ]);
    expect(await readTaken()).toEqual({ reserved: 0, spent: 0 });
    const ofDeployment = await see(store(), await submit(admission), ACCEPTED, CANCELLED);
    expect(await costs.readMany([ofDeployment])).toEqual([null]);
    expect(await readTaken()).toEqual({ reserved: CENT, spent: 0 });
  });

  test("what is known of a deleted job stays for two days, in which a late cost may still come", async () => {
    const late = await submit(admit({}), MODEL);
    await see(store(), late, ACCEPTED, { ...SUCCEEDED, cost: "not-yet" });
    await store().jobs.delete(late.id);
    await execute("update money_jobs set ends_at = ends_at - 2 * 86400000");
    await rows().sweep();
    expect(await count("money_jobs")).toBe(1);
    await execute("update money_jobs set ends_at = ends_at - 86400000");
    await rows().sweep();
    expect(await count("money_jobs")).toBe(0);
  });

  test("a HELD job reserves when it is sent, waits while it does not fit, and gives back when it was put back", async () => {
    const admission = admit({ everybody: { day: CENT, month: null } });
    const claim = () =>
      store().holds.claim("local", { ...ANY, admit: (...given) => admission.claim(...given) });
    const [first, second] = [
      await submit(admission, { status: "HELD", sentAt: null }),
      await submit(admission, { status: "HELD", sentAt: null }),
    ];
    expect(await readTaken()).toEqual({ reserved: 0, spent: 0 });
    expect(await admission.readLimited([first.id, second.id])).toEqual(new Map());
    const claimed = await claim();
    if (claimed.kind !== "claimed") throw new Error(claimed.kind);
    expect(await readTaken()).toEqual({ reserved: CENT, spent: 0 });
    expect(await claim()).toEqual({ kind: "limited" });
    const limited = await admission.readLimited([first.id, second.id]);
    expect(limited.get(second.id)?.toISOString()).toMatch(/T00:00:00\.000Z$/);
    await store().holds.putBack(claimed.job, 0);
    expect(await readTaken()).toEqual({ reserved: 0, spent: 0 });
  });

  test("a key's budget lets jobs that other keys of its owner submitted go on", async () => {
    const admission = admit({});
    const submitHeld = async (id: string) => {
      const credential = { ...LOCAL_VIEWER.credential, id, limits: { budgetUsdPerDay: 0.01 } };
      const viewer = { ...LOCAL_VIEWER, credential };
      const { alsoWrite } = await admission.prepare({ viewer, deploymentId: "d", input: {} });
      const facts = { status: "HELD", sentAt: null } as const;
      return await insertJob(store(), facts, { alsoWrite, hold: { ...HOLD, submittedBy: id } });
    };
    const claim = (limitedKeys: readonly string[] = []) =>
      store().holds.claim("local", {
        ...{ ...ANY, limitedKeys },
        admit: (...given) => admission.claim(...given),
      });
    await submitHeld("a");
    await submitHeld("a");
    const ofOther = await submitHeld("b");
    expect(await claim()).toMatchObject({ kind: "claimed" });
    expect(await claim()).toEqual({ kind: "key-limited", keyId: "a" });
    expect(await claim(["a"])).toMatchObject({ kind: "claimed", job: { id: ofOther.id } });
  });

  test("a HELD job waits for no renewal where it fits by now, or never will", async () => {
    const unknown = { ...QUOTE, reserveMicros: null };
    const { id } = await submit(admit({}, unknown), { status: "HELD", sentAt: null });
    const everybody = { day: CENT, month: null };
    const limited = new Map([[id, null]]);
    expect(await admit({ everybody }).readLimited([id])).toEqual(limited);
    const dear = admit({ everybody, unknownMicros: 2 * CENT });
    expect(await dear.readLimited([id])).toEqual(limited);
    const fitting = admit({ everybody, unknownMicros: CENT });
    expect(await fitting.readLimited([id])).toEqual(new Map());
  });

  test("a HELD job that can never be sent under a budget that came later says so, and holds up no other of its owner", async () => {
    const unknown = admit({}, { ...QUOTE, reserveMicros: null, micros: null, source: "UNKNOWN" });
    const hopeless = await submit(unknown, { status: "HELD", sentAt: null });
    const admission = admit({ owner: { day: 100 * CENT, month: null } });
    await submit(admission, { status: "HELD", sentAt: null });
    const claim = () =>
      store().holds.claim("local", { ...ANY, admit: (...given) => admission.claim(...given) });
    const found = await claim();
    expect(found).toMatchObject({ kind: "hopeless", jobId: hopeless.id });
    expect(JSON.stringify(found)).toContain("Ask this service's operator");
    await see(store(), hopeless, { kind: "unsent", error: refused("It never fits.") });
    expect((await claim()).kind).toBe("claimed");
  });

  test("a deployment's budget lets other deployments of an owner go on", async () => {
    const admission = admit({}, QUOTE, { budgetUsdPerDay: 0.01 });
    await submit(admission);
    await submit(admission, { status: "HELD", sentAt: null });
    const claim = () =>
      store().holds.claim("local", { ...ANY, admit: (...given) => admission.claim(...given) });
    expect(await claim()).toEqual({ kind: "closed", deploymentId: "d" });
    expect((await refusalOf(submit(admission))).message).toContain("the budget of deployment d");
  });

  test("a key has budgets of its own, and an approval that its jobs need above a price, or where that is not known", async () => {
    const admission = admit({});
    const limits = { budgetUsdPerDay: 0.01, approvalAboveUsd: 0.005 };
    const credential = { ...LOCAL_VIEWER.credential, id: "key-1", limits };
    const viewer = { ...LOCAL_VIEWER, credential };
    const given = { deploymentId: "d", input: {}, queue: null };
    expect((await admission.prepare({ ...given, viewer })).needsApproval).toBe(true);
    expect((await admission.prepare({ ...given, viewer: LOCAL_VIEWER })).needsApproval).toBe(false);
    await submit(admission, { viewer });
    expect((await refusalOf(submit(admission, { viewer }))).message).toContain("key key-1");
    await submit(admission);
  });

  test("what can never fit, or may cost nobody knows what, is refused at once, HELD or not", async () => {
    const everybody = { day: CENT, month: null };
    const dear = admit({ everybody }, { ...QUOTE, reserveMicros: 2 * CENT });
    const held = { status: "HELD", sentAt: null } as const;
    expect((await refusalOf(submit(dear, held))).message).toContain("It never fits");
    const unknown = { ...QUOTE, reserveMicros: null };
    expect((await refusalOf(submit(admit({ everybody }, unknown), held))).message).toContain(
      "Ask this service's operator to say what it may cost at most.",
    );
    await submit(admit({ everybody, unknownMicros: CENT }, unknown));
    expect(await readTaken()).toEqual({ reserved: CENT, spent: 0 });
  });

  test("a log says once that nobody knows what jobs may cost, however many deployments are made up", async () => {
    const lines: string[] = [];
    const admission = new BudgetAdmission({
      rows: rows(),
      quotes: { quote: async () => ({ ...QUOTE, reserveMicros: null }) },
      limits: createBudgetLimits(
        { ...NONE, everybody: { day: CENT, month: null } },
        createCatalogue([toUnlisted("d")]),
      ),
      log: pino({}, { write: (line: string) => void lines.push(line) }),
    });
    for (const deploymentId of ["d", "one", "two", "three", "d"])
      await refusalOf(submit(admission, { deploymentId }));
    expect(lines).toHaveLength(2);
  });

  test("a cost above its reservation is booked, and keeps the next job from being sent", async () => {
    const admission = admit({ everybody: { day: 2 * CENT, month: null } });
    await see(store(), await submit(admission, MODEL), ACCEPTED, { ...SUCCEEDED, cost: 5 });
    expect((await refusalOf(submit(admission, MODEL))).message).toContain("$0.00 of $0.02 left");
  });

  test("who has no budget reserves and locks nothing", async () => {
    await submit(admit({}));
    await submit(admit({}, { ...QUOTE, source: "UNKNOWN", micros: null, settings: null }));
    expect([await count("money_budgets"), await count("money_reservations")]).toEqual([0, 0]);
    expect(await count("money_jobs")).toBe(1);
  });

  test("days sum up what jobs came to, with a late cost in place of its estimate, and nothing that was never sent", async () => {
    const admission = admit({});
    await see(store(), await submit(admission, MODEL), ACCEPTED, { ...SUCCEEDED, cost: 0.03 });
    await see(store(), await submit(admission, MODEL), ACCEPTED, FAILED);
    const late = await submit(admission, MODEL);
    await see(store(), late, ACCEPTED, { ...SUCCEEDED, cost: "not-yet" });
    const held = await submit(admission, { ...MODEL, status: "HELD", sentAt: null });
    await see(store(), held, { kind: "unsent", error: null });
    const sums = { jobs: 3, exact_micros: 3 * CENT, estimated_micros: CENT, unknown_jobs: 1 };
    expect(await readDays()).toMatchObject([{ owner_id: "local", ...sums }]);
    await tellLate(late, 0.02);
    const told = { ...sums, exact_micros: 5 * CENT, estimated_micros: 0 };
    expect(await readDays()).toMatchObject([told]);
  });

  async function readDays(): Promise<readonly UsageRow[]> {
    const days: UsageRow[] = [];
    const range = { from: 0, to: 100_000, ownerId: undefined };
    const budget = {
      step: async <T>(run: () => Promise<T>) => ({ value: await run(), ms: 0 }),
      isSpent: () => false,
    };
    expect(await rows().walkDays(range, budget, (row) => days.push(row))).toBe(true);
    const own: object[] = [];
    await rows().walkDays({ ...range, ownerId: "local" }, budget, (row) => own.push(row));
    expect(own).toEqual(days);
    return days;
  }
}

/** Of a job whose cost may be asked for: with this token. */
const CLAIMED = {
  kind: "model",
  deploymentId: "a/model",
  apiVersion: "v1",
  requestId: "r",
  token: 1,
} as const;

const addLateCost = ({ id, ownerId }: Job): string =>
  `insert into late_costs (job_id, owner_id, upstream, kind, deployment_id, api_version, request_id, ended_at, due_at)
    values ('${id}', '${ownerId}', 'sandbox', 'model', 'a/model', 'v1', 'r', 1, ${CLAIMED.token})`;
