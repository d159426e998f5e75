import { sql } from "kysely";
import { expect, test } from "vitest";

import type { Scope } from "../../../src/auth/viewer.ts";
import { openInProcessGateway } from "../../schema/in-process-gateway.ts";
import { createViewer } from "../../support/viewers.ts";
import { isolation } from "./isolation-cases.ts";

const USAGE = `query ($from: DateTime!, $to: DateTime!) {
  usage(from: $from, to: $to, groupBy: [OWNER]) { ownerId jobs exactUsd estimatedUsd unknownJobs }
}`;

test("one's own jobs are summed up, and everybody's only for who operates the gateway", async () => {
  const gateway = await openInProcessGateway();
  const end = async (ownerId: string, cost?: number) => {
    const { alsoWrite } = isolation.foreignJob ?? {};
    const job = await gateway.addJob({ ownerId, ...(alsoWrite && { alsoWrite }) });
    const accepted = await gateway.observe(job, { kind: "accepted", requestId: "r" });
    const ended = { kind: "succeeded", output: {}, finishedAt: null } as const;
    return await gateway.observe(accepted, { ...ended, ...(cost !== undefined && { cost }) });
  };
  await end("mine", 0.04);
  const { finishedAt } = await end("theirs", 0.5);
  await end("theirs", 0.25);
  const at = finishedAt?.toISOString();
  const ask = async (...scopes: readonly Scope[]) => {
    const viewer = createViewer({ ownerId: "mine", scopes: new Set(scopes) });
    const { data } = await gateway.answer(USAGE, { from: at, to: at }, viewer);
    return JSON.parse(JSON.stringify(data?.["usage"]));
  };
  const none = { estimatedUsd: 0, unknownJobs: 0 };
  const own = { ownerId: "mine", jobs: 1, exactUsd: 0.04, ...none };
  expect(await ask("jobs:read")).toEqual([own]);
  expect(await ask("jobs:read:all", "jobs:approve")).toEqual([own]);
  const all = await ask("jobs:read", "operate");
  expect(new Set(all)).toEqual(
    new Set([own, { ownerId: "theirs", jobs: 2, exactUsd: 0.75, ...none }]),
  );
});

test("an operation has 10,000 rows at most, however often it asks", async () => {
  const gateway = await openInProcessGateway();
  await sql`
    insert into money_days (day, owner_id, deployment_id, jobs, run_ms, exact_micros, estimated_micros, unknown_jobs)
      with recursive numbers (n) as (select 0 union all select n + 1 from numbers where n < 5999)
      select 20000 + n % 300, 'mine', 'd' || (n / 300), 1, 1, 1, 0, 0 from numbers`.execute(
    gateway.store.database.queries,
  );
  const usage = `usage(from: "2024-10-01T00:00:00Z", to: "2025-10-01T00:00:00Z", groupBy: [DAY, DEPLOYMENT]) { jobs }`;
  const viewer = createViewer({ ownerId: "mine" });
  const once = await gateway.answer(`{ ${usage} }`, {}, viewer);
  expect(once.data?.["usage"]).toHaveLength(6_000);
  const { errors } = await gateway.answer(`{ one: ${usage} other: ${usage} }`, {}, viewer);
  expect(errors?.map(({ message }) => message)).toEqual([
    "There are more than 10000 rows in one operation. Ask for fewer days, or group by less.",
  ]);
});
