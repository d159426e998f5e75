import { describe, expect, test } from "vitest";

import { type Context, insertJob, makeJob } from "./store-jobs.ts";

const IDS = ["d", "e"] as const;

/** What every database promises of deployments that are paused. */
export function describePausedDeployments({ store, execute, count, as }: Context): void {
  const pauses = () => store().pausedDeployments;
  const insert = (deploymentId: string, key?: string) =>
    store().jobs.insert({
      job: makeJob({ deploymentId }),
      input: {},
      key: key === undefined ? null : { key, fingerprint: "f" },
    });
  const refusal = { name: "UpstreamError", code: "DEPLOYMENT_PAUSED", retryable: false };

  describe("paused deployments", () => {
    test("are told with the last reason and since when they are paused, until they are resumed", async () => {
      expect(await pauses().readMany(IDS)).toEqual([null, null]);
      await pauses().pause("e", "The price has changed");
      const [, first] = await pauses().readMany(IDS);
      expect(first).toEqual({ reason: "The price has changed", since: expect.any(Date) });
      expect(Math.abs(Date.now() - (first?.since.getTime() ?? 0))).toBeLessThan(60_000);
      await execute("update paused_deployments set paused_at = 5");
      await pauses().pause("e", "Its workflow is being changed");
      const told = { reason: "Its workflow is being changed", since: new Date(5) };
      expect(await pauses().readMany(["e", "d", "e"])).toEqual([told, null, told]);
      expect(await pauses().listPaused()).toEqual(["e"]);

      expect(await pauses().resume("e")).toBe(true);
      expect(await pauses().resume("e")).toBe(false);
      expect(await pauses().readMany(IDS)).toEqual([null, null]);
      expect(await pauses().listPaused()).toEqual([]);
    });

    test("take no submit, whose key stays free, and the retry of an earlier one gets its job", async () => {
      expect(await insert("d", "before")).toBe(true);
      await pauses().pause("d", "It is too dear today.");
      await expect(insert("d", "meanwhile")).rejects.toMatchObject({
        ...refusal,
        message:
          "This deployment takes no jobs for now: It is too dear today. Choose another one, or submit again later.",
      });
      expect(await store().jobs.readKeyed("local", "meanwhile")).toBeNull();
      expect(await insert("d", "before")).toBe(false);
      expect(await insert("e")).toBe(true);
      expect(await count("jobs")).toBe(2);
      await pauses().resume("d");
      expect(await insert("d", "meanwhile")).toBe(true);
    });

    test("are those of one upstream, whether a gateway there uses models or not, under either of its account's names", async () => {
      const [origin, models] = ["https://a.example", "https://a.example https://m.example"];
      await as(models).pausedDeployments.pause("d", "r");
      for (const name of [origin, models, `${origin}#team`, `${models}#team`]) {
        expect(await as(name).pausedDeployments.readMany(["d"]), name).toMatchObject([{}]);
        const job = makeJob({ upstream: name });
        const inserting = as(name).jobs.insert({ job, input: {}, key: null });
        await expect(inserting, name).rejects.toMatchObject(refusal);
      }
      expect(await pauses().readMany(["d"])).toEqual([null]);
      await insertJob(store(), { deploymentId: "d" });
      expect(await pauses().resume("d")).toBe(false);
      expect(await as(`${origin}#team`).pausedDeployments.resume("d")).toBe(true);
      await as(`${origin}#team`).pausedDeployments.pause("d", "r");
      expect(await as(origin).pausedDeployments.readMany(["d"])).toEqual([null]);
    });

    test("are 1,000 at most, of which each can be paused again", async () => {
      await execute(`insert into paused_deployments
        with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 999)
        select 'sandbox', 'd' || n, 'r', 0 from numbers`);
      await pauses().pause("d", "the last one");
      await expect(pauses().pause("e", "one too many")).rejects.toMatchObject({
        code: "QUOTA_EXCEEDED",
        limit: 1_000,
      });
      await pauses().pause("d", "again");
      expect(await pauses().readMany(IDS)).toMatchObject([{ reason: "again" }, null]);
      expect(await pauses().listPaused()).toHaveLength(1_000);
    });

    test("take nothing from the moment on when the pause has been made, however much is submitted meanwhile", async () => {
      const submitTen = () =>
        Promise.allSettled(Array.from({ length: 10 }, async () => await insert("d")));
      const before = submitTen();
      const pausing = pauses().pause("d", "r");
      const meanwhile = submitTen();
      await pausing;
      const inserted = await count("jobs");
      const ends = [...(await before), ...(await meanwhile)];
      expect(await count("jobs")).toBe(inserted);
      expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(inserted);
    });
  });
}
