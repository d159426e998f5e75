import { expect, test } from "vitest";

import type { Cost, Costs } from "../../src/engine/job/cost.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { createViewer } from "../support/viewers.ts";
import { openInProcessGateway } from "./in-process-gateway.ts";

const PRICED_AT = new Date("2026-01-01T00:00:00Z");
const ESTIMATE: Cost = {
  ...{ source: "ESTIMATED", usd: null, minUsd: 0.1, maxUsd: 0.5 },
  ...{ reason: "From seconds.", pricedAt: PRICED_AT },
};
const COST = "cost { source usd minUsd maxUsd reason pricedAt }";
const CHECK = `query ($input: JSON!) { checkInput(deploymentId: "d", input: $input) { issues { path } input ${COST} } }`;

/** Estimates jobs of the deployment `priced`, and every input. */
function createCosts() {
  const asked: (readonly Job[])[] = [];
  const quoted: Parameters<Costs["quote"]>[0][] = [];
  const costs: Costs = {
    async readMany(jobs) {
      asked.push(jobs);
      return jobs.map(({ deploymentId }) => (deploymentId === "priced" ? ESTIMATE : null));
    },
    async quote(request) {
      quoted.push(request);
      return { ...ESTIMATE, usd: 0.04, minUsd: null, maxUsd: null };
    },
  };
  return { costs, asked, quoted };
}

test("a page of jobs asks once for the costs that RunComfy has not reported, and only if they are selected", async () => {
  const { costs, asked } = createCosts();
  const gateway = await openInProcessGateway({ costs: [costs] });
  const accept = async (deploymentId: string) =>
    await gateway.observe(await gateway.addJob({ deploymentId }), {
      ...{ kind: "accepted", requestId: deploymentId },
    });
  const [running, reported] = [await accept("priced"), await accept("priced")];
  const unpriced = await accept("unpriced");
  const succeeded = { kind: "succeeded", output: {}, finishedAt: null, cost: 0.04 } as const;
  const ended = await gateway.observe(reported, succeeded);

  await gateway.answer("{ jobs { edges { node { id } } } }");
  expect(asked).toEqual([]);
  const page = `{ jobs { edges { node { id ${COST} } } } }`;
  const { data } = await gateway.answer(page);
  const { edges } = JSON.parse(JSON.stringify(data?.["jobs"]));
  const found = new Map(edges.map(({ node }: { node: { id: string } }) => [node.id, node]));
  const pricedAt = PRICED_AT.toISOString();
  expect(found.get(running.id)).toMatchObject({ cost: { ...ESTIMATE, pricedAt } });
  expect(found.get(ended.id)).toMatchObject({
    cost: { source: "EXACT", usd: 0.04, reason: null, pricedAt: ended.finishedAt?.toISOString() },
  });
  expect(found.get(unpriced.id)).toMatchObject({
    cost: { source: "UNKNOWN", usd: null, reason: expect.stringContaining("has not ended") },
  });
  expect(asked.map((jobs) => new Set(jobs.map(({ id }) => id)))).toEqual([
    new Set([running.id, unpriced.id]),
  ]);
});

test("what another owner's job costs is asked of nobody", async () => {
  const { costs, asked } = createCosts();
  const gateway = await openInProcessGateway({ costs: [costs] });
  const job = await gateway.addJob({ ownerId: "theirs", deploymentId: "priced" });
  const text = `{ job(id: "${job.id}") { ${COST} } }`;
  const scopes = new Set(["jobs:read"] as const);
  const ask = (ownerId: string) => gateway.answer(text, {}, createViewer({ ownerId, scopes }));
  expect(await ask("mine")).toEqual({ data: { job: null } });
  expect(asked).toEqual([]);
  expect((await ask("theirs")).data?.["job"]).toMatchObject({ cost: { source: "ESTIMATED" } });
});

test("an input is quoted as it is, for its viewer, with issues too, unless no job could store it", async () => {
  const { costs, quoted } = createCosts();
  const issues = [{ path: ["prompt"], message: "is missing" }];
  const ask = async (input: object | null, given = {}) => {
    const kept = input && JSON.parse(JSON.stringify(input));
    const gateway = await openInProcessGateway({
      costs: [costs],
      tracking: { checkInput: async () => ({ issues, warnings: [], input: kept }) },
      viewer: createViewer({ ownerId: "mine" }),
      ...given,
    });
    const { data } = await gateway.answer(CHECK, { input: input ?? {} });
    return JSON.parse(JSON.stringify(data?.["checkInput"]));
  };
  expect(await ask({ width: 512 })).toMatchObject({
    input: { width: 512 },
    cost: { source: "ESTIMATED", usd: 0.04, minUsd: null, maxUsd: null, reason: "From seconds." },
  });
  expect(quoted).toMatchObject([
    { deploymentId: "d", input: { width: 512 }, viewer: { ownerId: "mine" } },
  ]);
  expect(await ask(null)).toMatchObject({
    input: {},
    cost: { source: "UNKNOWN", usd: null, reason: expect.stringContaining("Correct its issues") },
  });
  expect(quoted).toHaveLength(1);
  expect(await ask({}, { costs: [] })).toMatchObject({
    cost: { source: "UNKNOWN", usd: null, reason: expect.stringContaining("See the prices") },
  });
});
