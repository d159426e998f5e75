import { expect, onTestFinished, test, vi } from "vitest";

import type { LiveDeployment } from "../../src/engine/runcomfy/read-deployments.ts";

import { DeploymentDocument, DeploymentsDocument, JobDocument } from "../support/gql/operations.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { CATALOGUE, openInProcessGateway } from "./in-process-gateway.ts";

test("with a catalogue exactly its deployments exist, in its order", async () => {
  const gateway = await openInProcessGateway({ catalogue: CATALOGUE });
  const job = await gateway.addJob({ deploymentId: "no-longer-listed" });

  const { deployments } = await gateway.run(DeploymentsDocument, {});
  expect(deployments).toEqual([
    { id: "warm-glow", name: "Warm Glow", inputSchema: { type: "object" }, outputSchema: null },
    { id: "cold-light", name: "Cold Light", inputSchema: null, outputSchema: null },
  ]);
  expect(await gateway.run(DeploymentDocument, { id: "no-longer-listed" })).toEqual({
    deployment: null,
  });

  const answer = await gateway.run(JobDocument, { id: job.id });
  expect(answer.job?.deployment).toEqual({ id: "no-longer-listed", name: "no-longer-listed" });
});

test("a deployment lists its own jobs only", async () => {
  const gateway = await openInProcessGateway({ catalogue: CATALOGUE });
  const { id } = await gateway.addJob();
  await gateway.addJob({ deploymentId: "cold-light" });
  const { deployment } = await gateway.run(DeploymentDocument, { id: "warm-glow", first: 1 });
  expect(deployment?.description).toBe("Makes it warmer.");
  expect(deployment?.jobs).toEqual({ totalCount: 1, edges: [{ node: { id } }] });
});

test("a deployment names its mutation and the fields of its input", async () => {
  const inputSchema = {
    required: ["tags", "mode"],
    properties: {
      tags: { type: "array", items: { type: "string" }, description: "Words" },
      mode: { enum: ["a", "b"], default: "a" },
      "2nd": { type: "integer", minimum: 1, maximum: 150 },
      part: { type: "object", properties: { x: { type: ["integer", "null"] } } },
    },
  };
  const gateway = await openInProcessGateway({
    catalogue: catalogueOf(
      { id: "sdxl-1", name: "My XL", model: "sdxl" },
      { id: "own", name: "Own", inputSchema },
      { id: "free", name: "Free" },
    ),
  });
  const { data } = await gateway.answer(
    `{ deployments { model submitField inputSchema inputFields { name graphqlName type required default minimum maximum description } } }`,
  );
  const none = { required: false, default: null, minimum: null, maximum: null, description: null };
  const toField = (name: string, more: object) => ({ ...none, name, graphqlName: name, ...more });
  expect(data).toEqual({
    deployments: [
      {
        model: "sdxl",
        submitField: "submitMyXl",
        inputSchema: expect.objectContaining({ additionalProperties: false }),
        inputFields: expect.arrayContaining([
          expect.objectContaining({
            name: "sample_steps",
            graphqlName: "sampleSteps",
            default: 30,
          }),
        ]),
      },
      {
        model: null,
        submitField: "submitOwn",
        inputSchema,
        inputFields: [
          toField("tags", { type: "[String!]", required: true, description: "Words" }),
          toField("mode", { type: "OwnInput_Mode", required: true, default: "a" }),
          toField("2nd", { type: "JSON", graphqlName: "_2nd", minimum: 1, maximum: 150 }),
          toField("part", { type: "OwnInput_Part" }),
        ],
      },
      { model: null, submitField: null, inputSchema: null, inputFields: [] },
    ],
  });
});

test("a deployment has its kind and what a run costs, which null does not say to be nothing", async () => {
  const price = { amount: 0.04, unit: "output", note: null };
  const gateway = await openInProcessGateway({
    catalogue: catalogueOf(
      { id: "bfl/flux-2/text-to-image", name: "Flux", kind: "model", price },
      { id: "own", name: "Own", kind: "comfyui" },
      { id: "free", name: "Free" },
    ),
  });
  const { data } = await gateway.answer("{ deployments { kind price { amount unit note } } }");
  expect(data).toEqual({
    deployments: [
      { kind: "MODEL", price },
      { kind: "COMFYUI", price: null },
      { kind: "LORA", price: null },
    ],
  });
});

test("a job of what is no longer listed has its kind, and a model that is gone is not offered", async () => {
  const gateway = await openInProcessGateway();
  const facts = [
    { deploymentId: "a/b", kind: "model", createdAt: new Date(1_000) },
    { deploymentId: "robot", kind: "comfyui", createdAt: new Date(2_000) },
  ] as const;
  for (const fact of facts) await gateway.addJob(fact);
  const { data } = await gateway.answer(
    "{ jobs { edges { node { kind deployment { id kind } } } } deployments { id } }",
  );
  expect(data).toEqual({
    jobs: {
      edges: [
        { node: { kind: "COMFYUI", deployment: { id: "robot", kind: "COMFYUI" } } },
        { node: { kind: "MODEL", deployment: { id: "a/b", kind: "MODEL" } } },
      ],
    },
    deployments: [{ id: "robot" }],
  });
});

test("a deployment shows how the upstream runs it, or null where that says nothing", async () => {
  const live: LiveDeployment = {
    id: "warm-glow",
    kind: "lora",
    name: null,
    hardware: ["AMPERE_24"],
    minInstances: 0,
    maxInstances: 3,
    queueSize: 100,
    keepWarmSeconds: 60,
    isEnabled: true,
    status: "active",
  };
  const gateway = await openInProcessGateway({
    catalogue: CATALOGUE,
    live: { read: async (id) => (id === "warm-glow" ? live : null) },
  });
  const { data } = await gateway.answer(
    "{ deployments { id live { hardware minInstances maxInstances queueSize keepWarmSeconds isEnabled status } } }",
  );
  const { id, kind: _, name: __, ...facts } = live;
  expect(data).toEqual({
    deployments: [
      { id, live: facts },
      { id: "cold-light", live: null },
    ],
  });
});

test("an outage is reported where it is, with the moment at which it was noticed", async () => {
  let outages = new Map<string | undefined, number>();
  const gateway = await openInProcessGateway({
    catalogue: CATALOGUE,
    health: { outageMs: (deploymentId) => outages.get(deploymentId) ?? null },
  });
  const ask = async () =>
    (await gateway.answer("{ outage { since } deployments { id outage { since } } }")).data;
  const none = [
    { id: "warm-glow", outage: null },
    { id: "cold-light", outage: null },
  ];
  expect(await ask()).toEqual({ outage: null, deployments: none });
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 0, 1, 0, 1) });
  onTestFinished(() => void vi.useRealTimers());
  outages = new Map([["cold-light", 60_000]]);
  expect(await ask()).toEqual({
    outage: null,
    deployments: [none[0], { id: "cold-light", outage: { since: "2026-01-01T00:00:00.000Z" } }],
  });
  outages = new Map([[undefined, 30_000]]);
  expect(await ask()).toEqual({
    outage: { since: "2026-01-01T00:00:30.000Z" },
    deployments: none,
  });
});
