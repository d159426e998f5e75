import { expect, test } from "vitest";

import { OPEN_CATALOGUE } from "../../../src/engine/deployments/catalogue.ts";
import type { Cost, Costs } from "../../../src/engine/job/cost.ts";
import { createChannels } from "../../../src/engine/diagnostics/channels.ts";
import { createJobTools } from "../../../src/parts/mcp/job-tools.ts";
import { createSubmitTools } from "../../../src/parts/mcp/submit-tools.ts";
import { createWaits } from "../../../src/parts/mcp/waits.ts";
import { openInProcessGateway } from "../../schema/in-process-gateway.ts";

const RANGE: Cost = {
  ...{ source: "ESTIMATED", usd: null, minUsd: 0.1, maxUsd: 0.5 },
  ...{ reason: "From seconds.", pricedAt: new Date(0) },
};
const TOOLS = [
  ...createSubmitTools(OPEN_CATALOGUE),
  ...createJobTools(createWaits(createChannels())),
];

/** Calls tools without a server, with what estimates costs. */
async function open(costs: Costs) {
  const gateway = await openInProcessGateway({
    costs: [costs],
    tracking: {
      checkInput: async ({ input }) => ({
        ...{ issues: [], warnings: [] },
        input: JSON.parse(JSON.stringify(input)),
      }),
    },
  });
  const context = { ...gateway.openContext(), readThumbnail: async () => null };
  const { signal } = new AbortController();
  return {
    gateway,
    async call(name: string, given: object) {
      const tool = TOOLS.find((one) => one.name === name);
      const result = await tool?.call(given, { context, signal, notify: null, asTask: null });
      return JSON.parse(JSON.stringify(result?.structuredContent));
    },
  };
}

test("a model sees what a job costs with its source, and no amount where there is none", async () => {
  const { gateway, call } = await open({
    readMany: async (jobs) => jobs.map(({ deploymentId }) => (deploymentId === "d" ? RANGE : null)),
    quote: async () => RANGE,
  });
  const estimated = await gateway.addJob({ deploymentId: "d" });
  const accepted = { kind: "accepted", requestId: "r" } as const;
  const succeeded = { kind: "succeeded", output: {}, finishedAt: null } as const;
  const end = async (cost?: number) =>
    await gateway.observe(await gateway.observe(await gateway.addJob(), accepted), {
      ...succeeded,
      ...(cost !== undefined && { cost }),
    });
  const [exact, unknown] = [await end(0.04), await end()];
  const range = { source: "ESTIMATED", min_usd: 0.1, max_usd: 0.5 };

  const costOf = async (id: string) => (await call("get_job", { id })).job.cost;
  expect(await costOf(estimated.id)).toEqual({ ...range, reason: "From seconds." });
  expect(await costOf(exact.id)).toEqual({ source: "EXACT", usd: 0.04 });
  expect(await costOf(unknown.id)).toEqual({
    source: "UNKNOWN",
    reason: expect.stringContaining("has reported no cost"),
  });
  const { jobs } = await call("list_jobs", {});
  const listed = new Map(jobs.map(({ id, cost }: { id: string; cost: object }) => [id, cost]));
  expect(listed).toEqual(
    new Map<string, object>([
      [estimated.id, range],
      [exact.id, { source: "EXACT", usd: 0.04 }],
      [unknown.id, { source: "UNKNOWN" }],
    ]),
  );
});

test("a model sees what an input would probably cost before it runs", async () => {
  const { call } = await open({ readMany: async () => [], quote: async () => RANGE });
  const given = { deployment_id: "d", input: { prompt: "a kite" } };
  expect(await call("check_input", given)).toEqual({
    ...{ is_valid: true, issues: [], warnings: [] },
    cost: { source: "ESTIMATED", min_usd: 0.1, max_usd: 0.5, reason: "From seconds." },
  });
});

test("a job whose cost can't be read at the moment has an unknown one, and is shown all the same", async () => {
  const { gateway, call } = await open({
    readMany: async () => Promise.reject(new Error("the database is gone")),
    quote: async () => RANGE,
  });
  const { id } = await gateway.addJob();
  expect((await call("get_job", { id })).job.cost).toMatchObject({ source: "UNKNOWN" });
});

test("who shows costs says that an absent amount is not free", async () => {
  const { gateway } = await open({ readMany: async () => [], quote: async () => RANGE });
  const context = { ...gateway.openContext(), readThumbnail: async () => null };
  for (const name of ["check_input", "get_job", "list_jobs", "describe_deployment"]) {
    const { description = "" } = TOOLS.find((one) => one.name === name) ?? {};
    const text = typeof description === "string" ? description : await description(context);
    expect(text, name).toMatch(/unknown, not free/);
  }
});
