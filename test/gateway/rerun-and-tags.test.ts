import { pino } from "pino";
import sharp from "sharp";
import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { startGateway } from "../../src/gateway.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { ask } from "../support/graphql-client.ts";
import { createDatabase } from "../support/postgres.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

/** A gateway with a public address in front of an upstream that tells what reaches it. */
async function start(databaseUrl: string) {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const config = loadConfig({
    PORT: "0",
    DATABASE_URL: databaseUrl,
    FILES_URL: `file:${await createTemporaryFolder()}`,
    PUBLIC_URL: "https://gateway.example.com",
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
  });
  const gateway = await startGateway(config, { log: pino({ level: "silent" }) });
  onTestFinished(() => gateway.close());

  const post = (query: string, variables: object = {}) => ask(gateway.url, query, { variables });

  /** How an input names a picture that was sent to the gateway. */
  async function upload(): Promise<string> {
    const create = { width: 8, height: 8, channels: 3, background: "orange" } as const;
    const bytes = new Uint8Array(await sharp({ create }).png().toBuffer());
    const { createUpload } = await post(
      `mutation ($bytes: SafeInt!) {
        createUpload(fileName: "a.png", contentType: "image/png", bytes: $bytes) {
          ... on CreateUploadSuccess { upload { id putUrl } }
        }
      }`,
      { bytes: bytes.length },
    );
    const { pathname, search } = new URL(createUpload.upload.putUrl);
    const put = await fetch(`${gateway.url}${pathname}${search}`, { method: "PUT", body: bytes });
    expect(put.status).toBe(204);
    return `upload:${createUpload.upload.id}`;
  }

  const submit = async (variables: object) =>
    (
      await post(
        `mutation ($input: JSON!, $tags: [String!]) {
          submitJob(deploymentId: "dep", input: $input, tags: $tags) {
            ... on SubmitJobSuccess { job { id input tags } }
          }
        }`,
        variables,
      )
    ).submitJob.job;
  const rerun = async (variables: object) =>
    (
      await post(
        `mutation ($id: ID!, $changes: JSON, $tags: [String!]) {
          rerunJob(id: $id, changes: $changes, tags: $tags) {
            ... on SubmitJobSuccess { job { id input tags } }
            ... on InvalidInputError { issues { path message } }
          }
        }`,
        variables,
      )
    ).rerunJob;
  const check = async (input: object) =>
    (
      await post(
        `query ($input: JSON!) {
          checkInput(deploymentId: "dep", input: $input) { issues { path message } input }
        }`,
        { input },
      )
    ).checkInput;
  const list = async (tag: string) =>
    (
      await post(`query ($tag: String) { jobs(filter: { tag: $tag }) { edges { node { id } } } }`, {
        tag,
      })
    ).jobs.edges.map((edge: { readonly node: { readonly id: string } }) => edge.node.id);
  const sent = () =>
    JSON.parse(upstream.requests.findLast((request) => request.call === "submit")?.body ?? "null");

  return { upstream, post, upload, submit, rerun, check, list, sent };
}

async function openPostgres(): Promise<string> {
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  return database.url;
}

test.each(["SQLite", "Postgres"])(
  "on %s a form's way: check, submit with tags, run again with changes, find by tag, and clear up",
  async (kind) => {
    const gateway = await start(kind === "SQLite" ? ":memory:" : await openPostgres());
    const input = { prompt: "a glow", ctrl_img: await gateway.upload() };
    expect(await gateway.check(input)).toEqual({ issues: [], input });
    expect(gateway.upstream.count("submit")).toBe(0);

    const job = await gateway.submit({ input, tags: ["draft", "blue", "draft"] });
    expect(job).toMatchObject({ input, tags: ["draft", "blue"] });
    const again = (
      await gateway.rerun({ id: job.id, changes: { prompt: "a lamp" }, tags: ["blue"] })
    ).job;
    expect(again).toMatchObject({ input: { ...input, prompt: "a lamp" }, tags: ["blue"] });
    expect(gateway.sent()).toEqual({
      prompt: "a lamp",
      ctrl_img: expect.stringMatching(/^https:\/\/gateway\.example\.com\/files\//),
    });
    expect(new Set(await gateway.list("blue"))).toEqual(new Set([again.id, job.id]));
    expect(await gateway.list("draft")).toEqual([job.id]);

    const isFinished = async () =>
      (await gateway.post(`{ jobs { edges { node { isFinished } } } }`)).jobs.edges.every(
        (edge: { readonly node: { readonly isFinished: boolean } }) => edge.node.isFinished,
      );
    await expect.poll(isFinished).toBe(true);
    const { deleteJobs } = await gateway.post(
      `mutation ($ids: [ID!]!) { deleteJobs(ids: $ids) { __typename } }`,
      { ids: [job.id, again.id, job.id] },
    );
    expect(deleteJobs).toEqual(
      Array.from({ length: 3 }, () => ({ __typename: "DeleteJobSuccess" })),
    );
    expect(await gateway.list("blue")).toEqual([]);
  },
);

test("an upload that is nobody's is an issue of a check as of a submit, and of a change", async () => {
  const gateway = await start(":memory:");
  const none = `upload:upl_${"0".repeat(32)}`;
  const issues = [{ path: "ctrl_img", message: expect.stringContaining("no upload of yours") }];
  expect(await gateway.check({ ctrl_img: none })).toMatchObject({ issues });
  const job = await gateway.submit({ input: { prompt: "a glow" } });
  expect(await gateway.rerun({ id: job.id, changes: { ctrl_img: none } })).toEqual({ issues });
  expect(gateway.upstream.count("submit")).toBe(1);
});

test("many jobs that wait are cancelled at RunComfy, beside one that is not there", async () => {
  const gateway = await start(":memory:");
  gateway.upstream.script("dep", ["in_queue"]);
  const jobs = [];
  for (let count = 0; count < 12; count++) jobs.push(await gateway.submit({ input: {} }));
  const { cancelJobs } = await gateway.post(
    `mutation ($ids: [ID!]!) {
      cancelJobs(ids: $ids) { ... on CancelJobSuccess { job { id status } } ... on Error { message } }
    }`,
    { ids: [...jobs.map(({ id }) => id), "job_unknown"] },
  );
  expect(cancelJobs).toEqual([
    ...jobs.map(({ id }) => ({ job: { id, status: "CANCELLED" } })),
    { message: expect.stringContaining("job_unknown") },
  ]);
  expect(gateway.upstream.count("cancel")).toBe(12);
});
