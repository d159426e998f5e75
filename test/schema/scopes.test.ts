import { expect, test } from "vitest";

import type { Scope } from "../../src/auth/viewer.ts";
import { SCOPES } from "../../src/auth/viewer.ts";
import { createSchema } from "../../src/api/schema/create-schema.ts";
import { SCHEMA_PARTS } from "../support/parts.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { createViewer } from "../support/viewers.ts";
import { openInProcessGateway } from "./in-process-gateway.ts";

const CATALOGUE = catalogueOf({
  id: "wg",
  name: "Warm Glow",
  inputSchema: { type: "object", properties: { prompt: { type: "string" } } },
});

const MATCHING = `filter: { tag: "t" }, createdBefore: "2026-01-01T00:00:00Z"`;

const NEEDS: readonly (readonly [Scope, string])[] = [
  ["jobs:read", `{ job(id: "job_1") { id } }`],
  ["jobs:read", `{ node(id: "job_1") { id } }`],
  ["jobs:read", `{ upload(id: "upl_1") { id } }`],
  ["jobs:read", `mutation { createDownload(ids: []) { __typename } }`],
  ["jobs:read", `{ jobs { totalCount } }`],
  ["jobs:read", `{ deployment(id: "wg") { jobs { totalCount } } }`],
  ["jobs:read", `subscription { jobUpdated(id: "job_1") { id } }`],
  ["jobs:read", `subscription { jobsUpdated(after: "") { reset } }`],
  ["jobs:read:all", `{ jobs(filter: { ownerId: "web" }) { totalCount } }`],
  [
    "jobs:read:all",
    `subscription { jobsUpdated(after: "", filter: { ownerId: "web" }) { reset } }`,
  ],
  ["jobs:submit", `mutation { submitJob(deploymentId: "wg", input: {}) { __typename } }`],
  ["jobs:submit", `mutation { rerunJob(id: "job_1") { __typename } }`],
  ["jobs:submit", `{ checkInput(deploymentId: "wg", input: {}) { issues { path } } }`],
  ["jobs:submit", `mutation { submitWarmGlow(input: {}) { __typename } }`],
  [
    "jobs:submit",
    `mutation { createUpload(fileName: "a", contentType: "image/png", bytes: 1) { __typename } }`,
  ],
  ["jobs:submit", `mutation { editJobs(ids: ["job_1"]) { __typename } }`],
  ["jobs:read", `{ tags { tag } }`],
  ["jobs:submit", `mutation { keepOutputs(jobId: "job_1") { __typename } }`],
  ["jobs:cancel", `mutation { cancelJob(id: "job_1") { __typename } }`],
  [
    "jobs:submit",
    `mutation { submitJobs(items: [{ deploymentId: "d", input: {} }]) { __typename } }`,
  ],
  ["jobs:cancel", `mutation { cancelMatchingJobs(${MATCHING}) { done } }`],
  ["jobs:cancel", `mutation { deleteMatchingJobs(${MATCHING}) { done } }`],
  ["jobs:cancel", `mutation { cancelJobs(ids: ["job_1"]) { __typename } }`],
  ["jobs:cancel", `mutation { deleteJob(id: "job_1") { __typename } }`],
  ["jobs:cancel", `mutation { deleteJobs(ids: ["job_1"]) { __typename } }`],
];

/** They need `webhooks` and `jobs:read`, since a webhook's events are about jobs. */
const NEED_BOTH: readonly string[] = [
  `{ webhooks { id } }`,
  `{ webhook(id: "whk_1") { id } }`,
  `mutation { createWebhook(url: "https://example.com/") { __typename } }`,
  `mutation { updateWebhook(id: "whk_1") { __typename } }`,
  `mutation { deleteWebhook(id: "whk_1") { __typename } }`,
  `mutation { rotateWebhookSecret(id: "whk_1") { __typename } }`,
  `mutation { redeliver(deliveryId: "msg_1") { __typename } }`,
  `mutation { rotateViewerWebhookSecret { __typename } }`,
];

/** So do these to name a URL for their job, beside `jobs:submit`. */
const NAME_URL: readonly string[] = [
  `submitJob(deploymentId: "wg", input: {}, webhookUrl: "https://example.com/")`,
  `submitJobs(items: [{ deploymentId: "wg", input: {}, webhookUrl: "https://example.com/" }])`,
  `submitWarmGlow(input: { prompt: "p" }, webhookUrl: "https://example.com/")`,
  `rerunJob(id: "job_1", webhookUrl: "https://example.com/")`,
];

test("every field of the roots needs a scope, or is meant for everybody", () => {
  const schema = createSchema(CATALOGUE, SCHEMA_PARTS);
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const fields = roots.flatMap((type) => Object.keys(type?.getFields() ?? {}));
  const isTold = (name: string) =>
    [...NEED_BOTH, ...NEEDS.map(([, text]) => text)].some(
      (text) => text.includes(` ${name}(`) || text.includes(` ${name} {`),
    );
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

test("a field is FORBIDDEN without its scope alone, which is enough, and an operator's scope to read has that of everybody in it", async () => {
  const ask = await openGateway();
  for (const [scope, text] of NEEDS) {
    const others = SCOPES.filter((one) => !one.startsWith(scope));
    const answer = await ask(others, text);
    expect(answer, text).toContain('"code":"FORBIDDEN"');
    expect(answer, text).toContain(`\`${scope}\``);
    expect(await ask([scope], text), text).not.toContain("FORBIDDEN");
    const isForbidden = (await ask(["jobs:read:all"], text)).includes("FORBIDDEN");
    expect({ text, isForbidden }).toEqual({ text, isForbidden: !scope.startsWith("jobs:read") });
  }
});

test("who has only one of two scopes that a field needs is told which one is missing", async () => {
  const ask = await openGateway();
  for (const text of [...NEED_BOTH, `{ viewer { webhookSecret } }`]) {
    expect(await ask(["jobs:read:all"], text), text).toContain("You lack the scope `webhooks`");
    expect(await ask(["webhooks"], text), text).toContain("You lack the scope `jobs:read`");
    expect(await ask(["webhooks", "jobs:read"], text), text).not.toContain("FORBIDDEN");
  }
});

test("a submit with a URL to call needs the scopes for that too", async () => {
  const ask = await openGateway();
  for (const field of NAME_URL) {
    const text = `mutation { ${field} { __typename } }`;
    const answer = await ask(["jobs:submit", "jobs:read"], text);
    expect(answer, text).toContain("You lack the scope `webhooks`. Use a credential that has it");
    expect(await ask(["jobs:submit", "webhooks"], text), text).toContain("`jobs:read`");
    const all = ["jobs:submit", "webhooks", "jobs:read"] as const;
    expect(await ask(all, text), text).not.toContain("FORBIDDEN");
    expect(await ask(all, text.replace(/https:[^"]*/, "http://localhost/")), text).toContain(
      "InvalidInputError",
    );
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
