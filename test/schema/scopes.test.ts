import { expect, test } from "vitest";

import type { Scope } from "../../src/auth/viewer.ts";
import { SCOPES } from "../../src/auth/viewer.ts";
import { createSchema } from "../../src/api/schema/create-schema.ts";
import { ALL_SCOPES, SCHEMA_PARTS } from "../support/parts.ts";
import { createViewer } from "../support/viewers.ts";
import { openInProcessGateway } from "./in-process-gateway.ts";
import { CATALOGUE, SCOPE_CASES } from "./scope-cases.ts";

test("every field of the roots needs a scope, or is meant for everybody", () => {
  const schema = createSchema(CATALOGUE, SCHEMA_PARTS);
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const fields = roots.flatMap((type) => Object.keys(type?.getFields() ?? {}));
  const isTold = (name: string) =>
    SCOPE_CASES.some(([, text]) => text.includes(` ${name}(`) || text.includes(` ${name} {`));
  expect(fields.filter((name) => !isTold(name))).toEqual([
    "viewer",
    "outage",
    "isTokenRefused",
    "deployments",
  ]);
});

/** What a gateway answers to somebody with these scopes. */
async function openGateway() {
  const gateway = await openInProcessGateway({ catalogue: CATALOGUE });
  return async (scopes: readonly Scope[], text: string): Promise<string> => {
    const viewer = createViewer({ ownerId: "web", scopes: new Set(scopes) });
    if (!text.startsWith("subscription"))
      return JSON.stringify(await gateway.answer(text, {}, viewer));
    const stream = await gateway.subscribe(text, {}, viewer);
    if (!("next" in stream)) return JSON.stringify(stream);
    const first = await stream.next();
    await stream.return();
    return JSON.stringify(first);
  };
}

test("a field is FORBIDDEN without any of its scopes, which are enough, and an operator's scope to read has that of everybody in it", async () => {
  const ask = await openGateway();
  for (const [needed, text] of SCOPE_CASES) {
    const scopes = [needed].flat();
    for (const scope of scopes) {
      const others = ALL_SCOPES.filter((one) => !one.startsWith(scope));
      const answer = await ask(others, text);
      expect(answer, text).toContain('"code":"FORBIDDEN"');
      expect(answer, text).toContain(
        `You lack the scope \`${scope}\`. Use a credential that has it`,
      );
    }
    expect(await ask(scopes, text), text).not.toContain("FORBIDDEN");
    const isForbidden = (await ask(["jobs:read:all"], text)).includes("FORBIDDEN");
    const isRead = scopes.every((one) => one.startsWith("jobs:read"));
    expect({ text, isForbidden }).toEqual({ text, isForbidden: !isRead });
  }
});

test("who has no scope at all may ask who they are, and what there is to run", async () => {
  const ask = await openGateway();
  const answer = await ask(
    [],
    `{ viewer { id scopes } deployments { id } deployment(id: "wg") { name } node(id: "wg") { id } }`,
  );
  expect(JSON.parse(answer)).toEqual({
    data: {
      viewer: { id: "web", scopes: [] },
      deployments: [{ id: "wg" }],
      deployment: { name: "Warm Glow" },
      node: { id: "wg" },
    },
  });
  const scopes = [...SCOPES].toReversed();
  expect(await ask(scopes, "{ viewer { scopes } }")).toContain(JSON.stringify(SCOPES));
});

test("what a mutation gives is shown in full to who may not read", async () => {
  const gateway = await openInProcessGateway({
    viewer: createViewer({ scopes: new Set(["jobs:submit"]) }),
    tracking: { submitJob: async () => ({ job: await gateway.addJob(), warnings: [] }) },
  });
  const { data, errors } = await gateway.answer(
    `mutation { submitJob(deploymentId: "a", input: {}) {
      ... on SubmitJobSuccess { job { ownerId input history { version } deployment { id } } } } }`,
  );
  expect(errors).toBeUndefined();
  expect(data).toMatchObject({
    submitJob: { job: { ownerId: "local", history: [{ version: 1 }] } },
  });
});
