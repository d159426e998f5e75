import { expect, test } from "vitest";

import { isSigned } from "./is-signed.ts";
import { startReceiver } from "../../support/receiver.ts";
import { DATABASES, KINDS, SANDBOX, start } from "../../gateway/open-gateway.ts";

const LATER = { timeout: 20_000 };
const WEBHOOK = "id url events deploymentId tag failingSince disabledAt disabledReason";
const DELIVERY = "id event jobId state nextTryAt tries { status failure durationMs }";
const CREATE = `mutation ($url: URL!, $events: [WebhookEvent!], $filter: WebhookFilter) {
  createWebhook(url: $url, events: $events, filter: $filter) {
    __typename
    ... on CreateWebhookSuccess { secret webhook { ${WEBHOOK} } }
    ... on InvalidWebhookError { message issues { path message } }
  }
}`;
const SUBMIT = `mutation { submitPaperLantern(input: { prompt: "A lantern" }, tags: ["draft"], answerWithinSeconds: 20) {
  ... on SubmitJobSuccess { job { id status } }
} }`;
const LIST = `{ webhooks { ${WEBHOOK} deliveries(first: 10) { ${DELIVERY} } } }`;

test.each(KINDS)("on %s a webhook is called for a job's end and its kept files", async (kind) => {
  const { ask } = await start({
    ...SANDBOX,
    DATABASE_URL: await DATABASES[kind](),
    WEBHOOKS_ALLOW: "127.0.0.0/8",
  });
  const receiver = await startReceiver();
  const { createWebhook } = await ask(CREATE, { url: receiver.url, filter: { tag: "draft" } });
  const { secret, webhook } = createWebhook;
  expect(webhook).toEqual({
    id: expect.stringMatching(/^whk_[\da-f]{32}$/),
    url: receiver.url,
    events: null,
    deploymentId: null,
    tag: "draft",
    failingSince: null,
    disabledAt: null,
    disabledReason: null,
  });
  const { job } = (await ask(SUBMIT)).submitPaperLantern;
  await expect.poll(receiver.types, LATER).toEqual(["job.succeeded", "job.kept"]);
  expect(receiver.calls.every((call) => isSigned(call, secret))).toBe(true);
  const [, kept] = receiver.calls.map(({ body }) => JSON.parse(body).data.job);
  expect(kept).toMatchObject({ id: job.id, assetCount: 1, assets: [{ keep: "KEPT" }] });
  expect((await fetch(kept.assets[0].keptUrl)).status).toBe(200);
  const read = async () => (await ask(LIST)).webhooks[0].deliveries;
  await expect.poll(read, LATER).toMatchObject(
    ["JOB_KEPT", "JOB_SUCCEEDED"].map((event) => ({
      event,
      jobId: job.id,
      state: "DELIVERED",
      nextTryAt: null,
      tries: [{ status: 204, failure: null }],
    })),
  );
  const [{ id: deliveryId }] = await read();
  const redelivered = await ask(`mutation { redeliver(deliveryId: "${deliveryId}") {
    ... on RedeliverSuccess { delivery { state } } } }`);
  expect(redelivered.redeliver.delivery.state).toBe("PENDING");
  await expect.poll(() => receiver.calls.length, LATER).toBe(3);
  expect(receiver.calls[2]?.headers["webhook-id"]).toBe(deliveryId);
  const rotated = await ask(`mutation { rotateWebhookSecret(id: "${webhook.id}") {
    ... on RotateWebhookSecretSuccess { secret webhook { id } } } }`);
  expect(rotated.rotateWebhookSecret.secret).not.toBe(secret);
  const updated =
    await ask(`mutation { updateWebhook(id: "${webhook.id}", events: [JOB_FAILED], isEnabled: false) {
    ... on UpdateWebhookSuccess { webhook { ${WEBHOOK} } } } }`);
  expect(updated.updateWebhook.webhook).toMatchObject({
    events: ["JOB_FAILED"],
    tag: "draft",
    disabledAt: expect.any(String),
  });
  const gone = `mutation { deleteWebhook(id: "${webhook.id}") {
    ... on DeleteWebhookSuccess { deletedWebhookId }
    ... on WebhookNotFoundError { message } } }`;
  expect((await ask(gone)).deleteWebhook).toEqual({ deletedWebhookId: webhook.id });
  expect((await ask(gone)).deleteWebhook.message).toMatch(/You have no webhook/);
  expect((await ask(LIST)).webhooks).toEqual([]);
});

const JOB = "... on SubmitJobSuccess { job { id webhookUrl } }";
const INPUT = `input: { prompt: "A lantern" }`;

test.each(KINDS)(
  "on %s every submit may name a URL for its job alone, which its owner's one secret signs",
  async (kind) => {
    const variables = {
      ...SANDBOX,
      DATABASE_URL: await DATABASES[kind](),
      WEBHOOKS_ALLOW: "127.0.0.0/8",
    };
    const { ask } = await start(variables);
    const { url, calls } = await startReceiver();
    const { webhookSecret: secret } = (await ask("{ viewer { webhookSecret } }")).viewer;
    const { deployments } = await ask("{ deployments { id submitField } }");
    const { id: deploymentId } = deployments.find(
      ({ submitField }: { submitField: string }) => submitField === "submitPaperLantern",
    );
    const submits = [
      `submitPaperLantern(${INPUT}, webhookUrl: "${url}?of=0") { ${JOB} }`,
      `submitJob(deploymentId: "${deploymentId}", ${INPUT}, webhookUrl: "${url}?of=1") { ${JOB} }`,
      `submitJobs(items: [{ deploymentId: "${deploymentId}", ${INPUT}, webhookUrl: "${url}?of=2" }]) { ${JOB} }`,
    ];
    const jobs: { readonly id: string; readonly webhookUrl: string }[] = [];
    for (const submit of submits) {
      const { submitted } = await ask(`mutation { submitted: ${submit} }`);
      jobs.push([submitted].flat()[0].job);
    }
    const rerun = `rerunJob(id: "${jobs[0]?.id}", webhookUrl: "${url}?of=3") { ${JOB} }`;
    jobs.push((await ask(`mutation { ${rerun} }`)).rerunJob.job);
    expect(jobs.map(({ webhookUrl }) => webhookUrl)).toEqual(
      jobs.map((_job, index) => `${url}?of=${index}`),
    );
    await ask(`mutation { rerunJob(id: "${jobs[0]?.id}") { __typename } }`);
    const reported = () => calls.map(({ path, body }) => [path, JSON.parse(body).data.job.id]);
    await expect.poll(() => reported().length, LATER).toBe(8);
    for (const [index, { id }] of jobs.entries())
      expect(reported().filter(([path]) => path === `/hook?of=${index}`)).toEqual([
        [`/hook?of=${index}`, id],
        [`/hook?of=${index}`, id],
      ]);
    expect(calls.every((call) => isSigned(call, secret))).toBe(true);
    const read = `{ job(id: "${jobs[0]?.id}") { webhookDeliveries { ${DELIVERY} } } webhooks { id } }`;
    await expect
      .poll(() => ask(read), LATER)
      .toMatchObject({
        job: {
          webhookDeliveries: ["JOB_KEPT", "JOB_SUCCEEDED"].map((event) => ({
            event,
            state: "DELIVERED",
            tries: [{ status: 204 }],
          })),
        },
        webhooks: [],
      });
  },
);

test("a URL of one job is refused as a webhook's is, and is no part of the job's key", async () => {
  const { ask } = await start({ ...SANDBOX, WEBHOOKS_ALLOW: "127.0.0.0/8" });
  const submit = (of: string) =>
    ask(`mutation { submitPaperLantern(${INPUT}, ${of}) {
    __typename ${JOB} ... on InvalidInputError { issues { path message } } } }`);
  for (const url of ["ftp://example.com/", "https://10.0.0.1/", "https://me@example.com/"]) {
    const { issues } = (await submit(`webhookUrl: "${url}"`)).submitPaperLantern;
    const { createWebhook } = await ask(CREATE, { url });
    expect(issues).toEqual([{ ...createWebhook.issues[0], path: "webhookUrl" }]);
  }
  expect((await ask("{ jobs { totalCount } }")).jobs.totalCount).toBe(0);
  const key = `idempotencyKey: "k", webhookUrl: "http://127.0.0.1:9/`;
  const first = await submit(`${key}1"`);
  expect(await submit(`${key}2"`)).toEqual(first);
  expect(await submit(`idempotencyKey: "k"`)).toEqual(first);
  expect(first.submitPaperLantern.job.webhookUrl).toBe("http://127.0.0.1:9/1");
});

test.each(KINDS)("on %s deliveries come in pages, newest first", async (kind) => {
  const { ask, answer } = await start({
    ...SANDBOX,
    DATABASE_URL: await DATABASES[kind](),
    WEBHOOKS_ALLOW: "127.0.0.0/8",
  });
  const { url } = await startReceiver();
  await ask(CREATE, { url, events: ["JOB_SUCCEEDED"] });
  await ask(SUBMIT);
  await ask(SUBMIT);
  const page = (of: string) => `{ webhooks { deliveries(${of}) { id } } }`;
  const read = async (of: string) => (await ask(page(of))).webhooks[0].deliveries;
  const [newest, oldest, ...others] = await read("first: 10");
  expect(others).toEqual([]);
  expect(await read("first: 1")).toEqual([newest]);
  expect(await read(`first: 1, after: "${newest.id}"`)).toEqual([oldest]);
  expect(await read(`after: "${oldest.id}"`)).toEqual([]);
  expect(await read("first: 0")).toEqual([]);
  for (const of of ["first: 101", "first: -1", String.raw`after: "\u0000"`])
    expect(await answer(page(of))).toMatchObject({
      errors: [{ extensions: { code: "BAD_USER_INPUT" } }],
    });
});

test("a webhook that can't be is refused, with all that is wrong", async () => {
  const { ask } = await start(SANDBOX);
  const given = {
    url: "https://127.0.0.1/",
    events: [],
    filter: { deploymentId: "../x", tag: "" },
  };
  const { createWebhook } = await ask(CREATE, given);
  expect(createWebhook.__typename).toBe("InvalidWebhookError");
  const paths = createWebhook.issues.map(({ path }: { path: string }) => path);
  expect(paths).toEqual(["url", "events", "filter.deploymentId", "filter.tag"]);
});
