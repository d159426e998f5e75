import { expect, onTestFinished, test } from "vitest";

import { DATABASES, start } from "../../gateway/open-gateway.ts";
import { startFaultyUpstream } from "../../support/faulty-upstream/faulty-upstream.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";

const SUBMITS = 300;
const CONNECTIONS = 50;
/** Each at a cent. */
const ROOM = 30;
const SUBMIT = `mutation { submitJob(deploymentId: "d", input: {}) { __typename ... on SubmitJobSuccess { job { id } } } }`;

test.each([
  ["one gateway on SQLite", "SQLite", 1],
  ["three gateways on one Postgres", "Postgres", 3],
] as const)(
  `of ${SUBMITS} submits from ${CONNECTIONS} connections to %s, exactly the ${ROOM} leave that a budget has room for`,
  { timeout: 60_000 },
  async (_name, database, count) => {
    const upstream = await startFaultyUpstream();
    onTestFinished(() => upstream[Symbol.asyncDispose]());
    const variables = {
      DATABASE_URL: await DATABASES[database](),
      FILES_URL: `file:${await createTemporaryFolder()}`,
      BUDGET_USD_PER_DAY: String(ROOM / 100),
      BUDGET_UNKNOWN_USD: "0.01",
      ...{ REQUESTS_PER_SECOND: "100000", SUBMITS_PER_MINUTE: "100000" },
    };
    const gateways = await Promise.all(
      Array.from({ length: count }, () => start(variables, { upstream })),
    );
    const outcomes = new Map<string, number>();
    let left = SUBMITS;
    const submit = async () => {
      while (left > 0) {
        const gateway = gateways[left-- % count];
        const outcome = /"(?:code|__typename)":"(\w+)"/.exec(
          JSON.stringify(await gateway?.answer(SUBMIT)),
        );
        const name = outcome?.[1] ?? "";
        outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, submit));
    expect(Object.fromEntries(outcomes)).toEqual({
      SubmitJobSuccess: ROOM,
      BUDGET_EXCEEDED: SUBMITS - ROOM,
    });
    expect(upstream.requests.filter(({ call }) => call === "submit")).toHaveLength(ROOM);
    expect(await gateways[0]?.ask("{ viewer { budgets { name reservedUsd leftUsd } } }")).toEqual({
      viewer: { budgets: [{ name: "everybody", reservedUsd: ROOM / 100, leftUsd: 0 }] },
    });
  },
);
