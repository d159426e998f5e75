import sharp from "sharp";
import { expect, test } from "vitest";

import { start as startWith } from "./open-gateway.ts";

/** A gateway with a public address in front of an upstream that tells what reaches it. */
async function start() {
  const gateway = await startWith({ PUBLIC_URL: "https://gateway.example.com" });
  const { ask, here, upstream } = gateway;

  /** How an input names a picture that was sent to the gateway. */
  async function upload(): Promise<string> {
    const create = { width: 8, height: 8, channels: 3, background: "orange" } as const;
    const body = new Uint8Array(await sharp({ create }).png().toBuffer());
    const { createUpload } = await ask(
      `mutation ($bytes: SafeInt!) {
        createUpload(fileName: "a.png", contentType: "image/png", bytes: $bytes) {
          ... on CreateUploadSuccess { upload { id putUrl } }
        }
      }`,
      { bytes: body.length },
    );
    const { status } = await fetch(here(createUpload.upload.putUrl), { method: "PUT", body });
    expect(status).toBe(204);
    return `upload:${createUpload.upload.id}`;
  }

  async function submit(variables: object) {
    const mutation = `mutation ($input: JSON!, $tags: [String!]) {
      submitJob(deploymentId: "dep", input: $input, tags: $tags) {
        ... on SubmitJobSuccess { job { id input tags } }
      }
    }`;
    return (await ask(mutation, variables)).submitJob.job;
  }

  async function rerun(variables: object) {
    const mutation = `mutation ($id: ID!, $changes: JSON, $tags: [String!]) {
      rerunJob(id: $id, changes: $changes, tags: $tags) {
        ... on SubmitJobSuccess { job { id input tags } }
      }
    }`;
    return (await ask(mutation, variables)).rerunJob;
  }

  async function check(input: object) {
    const query = `query ($input: JSON!) {
      checkInput(deploymentId: "dep", input: $input) { issues { path message } input }
    }`;
    return (await ask(query, { input })).checkInput;
  }

  async function list(tag: string): Promise<ReadonlySet<string>> {
    const query = `query ($tag: String) { jobs(filter: { tag: $tag }) { edges { node { id } } } }`;
    const { edges } = (await ask(query, { tag })).jobs;
    return new Set(edges.map(({ node }: { readonly node: { readonly id: string } }) => node.id));
  }

  const sent = () =>
    JSON.parse(upstream.requests.findLast(({ call }) => call === "submit")?.body ?? "null");

  return { ...gateway, upload, submit, rerun, check, list, sent };
}

test("a form's way: check, submit with tags, run again with changes, find by tag, and clear up", async () => {
  const gateway = await start();
  const input = { prompt: "a glow", ctrl_img: await gateway.upload() };
  expect(await gateway.check(input)).toEqual({ issues: [], input });
  expect(gateway.upstream.count("submit")).toBe(0);

  const job = await gateway.submit({ input, tags: ["draft", "blue", "draft"] });
  expect(job).toMatchObject({ input, tags: ["draft", "blue"] });
  const changes = { prompt: "a lamp" };
  const again = (await gateway.rerun({ id: job.id, changes, tags: ["blue"] })).job;
  expect(again).toMatchObject({ input: { ...input, ...changes }, tags: ["blue"] });
  expect(gateway.sent()).toEqual({
    ...changes,
    ctrl_img: expect.stringMatching(/^https:\/\/gateway\.example\.com\/files\//),
  });
  expect(await gateway.list("blue")).toEqual(new Set([again.id, job.id]));
  expect(await gateway.list("draft")).toEqual(new Set([job.id]));

  await expect
    .poll(async () =>
      JSON.stringify(await gateway.ask(`{ jobs { edges { node { isFinished } } } }`)),
    )
    .not.toContain("false");
  const { deleteJobs } = await gateway.ask(
    `mutation ($ids: [ID!]!) { deleteJobs(ids: $ids) { __typename } }`,
    { ids: [job.id, again.id, job.id] },
  );
  expect(deleteJobs).toEqual(Array.from({ length: 3 }, () => ({ __typename: "DeleteJobSuccess" })));
  expect(await gateway.list("blue")).toEqual(new Set());
});
