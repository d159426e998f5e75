import { expect, test } from "vitest";

import { DeploymentDocument, DeploymentsDocument, JobDocument } from "../support/gql/operations.ts";
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

test("without a catalogue a deployment exists once a job names it", async () => {
  const gateway = await openInProcessGateway();
  expect(await gateway.run(DeploymentsDocument, {})).toEqual({ deployments: [] });
  expect(await gateway.run(DeploymentDocument, { id: "b" })).toEqual({ deployment: null });

  await gateway.addJob({ deploymentId: "b" });
  await gateway.addJob({ deploymentId: "a" });
  const unlisted = { inputSchema: null, outputSchema: null };
  expect(await gateway.run(DeploymentsDocument, {})).toEqual({
    deployments: [
      { id: "a", name: "a", ...unlisted },
      { id: "b", name: "b", ...unlisted },
    ],
  });
});

test("a deployment lists its own jobs only", async () => {
  const gateway = await openInProcessGateway({ catalogue: CATALOGUE });
  const now = Date.parse("2025-07-22T13:00:00Z");
  await gateway.addJob({ createdAt: new Date(now) });
  const second = await gateway.addJob({ createdAt: new Date(now + 1) });
  await gateway.addJob({ deploymentId: "cold-light", createdAt: new Date(now + 2) });

  const { deployment } = await gateway.run(DeploymentDocument, { id: "warm-glow", first: 1 });
  expect(deployment?.description).toBe("Makes it warmer.");
  expect(deployment?.jobs).toEqual({ totalCount: 2, edges: [{ node: { id: second.id } }] });
});
