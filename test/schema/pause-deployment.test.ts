import { expect, test } from "vitest";

import type { Services } from "../../src/engine/engine.ts";
import { OPEN_CATALOGUE } from "../../src/engine/deployments/catalogue.ts";
import { createViewer } from "../support/viewers.ts";
import { CATALOGUE, openInProcessGateway } from "./in-process-gateway.ts";

const PAUSE = `mutation ($id: ID!, $reason: String!) {
  result: pauseDeployment(id: $id, reason: $reason) { ...Result }
}`;
const RESUME = `mutation ($id: ID!) { result: resumeDeployment(id: $id) { ...Result } }`;
const RESULT = `fragment Result on Error { __typename message }
  fragment Told on Deployment { id paused { reason since } }`;
const PAUSED = `{ deployments { id paused { reason } } }`;
const REASON = "Its workflow is being changed";
const NOT_FOUND = { result: { __typename: "DeploymentNotFoundError" } };

async function openGateway(options: Parameters<typeof openInProcessGateway>[0] = {}) {
  const gateway = await openInProcessGateway({ catalogue: CATALOGUE, ...options });
  const ask = (text: string, type: string, variables: Record<string, unknown>) => {
    const told = text.replace("...Result", `...Result ... on ${type} { deployment { ...Told } }`);
    return gateway.answer(`${told} ${RESULT}`, variables);
  };
  return {
    ...gateway,
    pause: (id: string, reason = REASON) => ask(PAUSE, "PauseDeploymentSuccess", { id, reason }),
    resume: (id: string) => ask(RESUME, "ResumeDeploymentSuccess", { id }),
  };
}

test("a paused deployment tells everybody why and since when, until it is resumed", async () => {
  const { pause, resume, answer } = await openGateway();
  const paused = { reason: REASON, since: expect.stringMatching(/^20.*Z$/) };
  const deployment = { id: "cold-light", paused };
  expect(await pause("cold-light", `  ${REASON} `)).toMatchObject({
    data: { result: { deployment } },
  });
  const nobody = createViewer({ ownerId: "somebody", scopes: new Set() });
  const told = await answer(PAUSED, {}, nobody);
  expect(told).toMatchObject({
    data: {
      deployments: [
        { id: "warm-glow", paused: null },
        { id: "cold-light", paused: { reason: REASON } },
      ],
    },
  });
  const again = { result: { deployment: { paused: { reason: "again" } } } };
  expect(await pause("cold-light", "again")).toMatchObject({ data: again });
  const resumed = { result: { deployment: { id: "cold-light", paused: null } } };
  expect(await resume("cold-light")).toMatchObject({ data: resumed });
  expect(await resume("cold-light")).toMatchObject({ data: resumed });
});

test("one statement reads the pauses of a whole list, and none where nobody asks", async () => {
  const { answer, statements } = await openGateway();
  statements.length = 0;
  const count = () => statements.filter((one) => one.includes("paused_deployments")).length;
  await answer(`{ deployments { id } }`);
  expect(count()).toBe(0);
  await answer(PAUSED);
  expect(count()).toBe(1);
});

test.each([
  ["", "1 to 500 characters"],
  ["   ", "1 to 500 characters"],
  ["a".repeat(501), "1 to 500 characters"],
  ["two\nlines", "one line"],
  ["\ud800", "half a character"],
])("a reason that can't be shown as it is is refused: %j", async (reason, why) => {
  const { pause, store } = await openGateway();
  expect(await pause("warm-glow", reason)).toMatchObject({
    errors: [
      {
        message: expect.stringMatching(new RegExp(`^\`reason\` .*${why}`)),
        extensions: { code: "BAD_USER_INPUT" },
      },
    ],
  });
  expect(await store.pausedDeployments.listPaused()).toEqual([]);
});

const live: Partial<Services["live"]> = {
  findKind: async (id) => (id === "a-workflow" ? "comfyui" : null),
};

test("only what may run here is paused: what is listed, or what RunComfy may have beside it", async () => {
  const closed = await openGateway({ live });
  const open = await openGateway({ live, catalogue: OPEN_CATALOGUE });
  for (const id of ["warm-glo", "a/b", "\0", "job_1"])
    for (const act of [closed.pause, closed.resume])
      expect(await act(id), id).toMatchObject({ data: NOT_FOUND });
  for (const id of ["a/b", "a-workflow", "x".repeat(200)])
    for (const act of [open.pause, open.resume])
      expect(await act(id), id).toMatchObject({ data: NOT_FOUND });
  expect(await open.pause("warm-glo")).toMatchObject({
    data: { result: { deployment: { id: "warm-glo", paused: { reason: REASON } } } },
  });
  expect(await closed.store.pausedDeployments.listPaused()).toEqual([]);
  expect(await open.store.pausedDeployments.listPaused()).toEqual(["warm-glo"]);
});

test("what has left the file since it was paused can be resumed", async () => {
  const { resume, store } = await openGateway();
  await store.pausedDeployments.pause("a/b", "r");
  expect(await resume("a/b")).toMatchObject({
    data: { result: { deployment: { id: "a/b", paused: null } } },
  });
  expect(await resume("a/b")).toMatchObject({ data: NOT_FOUND });
});
