import { expect, test } from "vitest";

import { start } from "./open-gateway.ts";

const JOB = "... on SubmitJobSuccess { job { id input tags } }";
const CHECK = `query ($input: JSON!) {
  checkInput(deploymentId: "dep", input: $input) { issues { path message } input }
}`;
const SUBMIT = `mutation ($input: JSON!, $tags: [String!]) {
  submitJob(deploymentId: "dep", input: $input, tags: $tags) { ${JOB} }
}`;
const RERUN = `mutation ($id: ID!, $changes: JSON, $tags: [String!]) {
  rerunJob(id: $id, changes: $changes, tags: $tags) { ${JOB} }
}`;
const LIST = `query ($tag: String) {
  jobs(filter: { tag: $tag }) { edges { node { id isFinished } } }
}`;

test("a form's way: check, submit with tags, run again with changes, find by tag, and clear up", async () => {
  const { ask, upstream } = await start();
  const list = async (tag: string) => JSON.stringify(await ask(LIST, { tag }));
  const input = { prompt: "a glow", seed: 1 };
  expect((await ask(CHECK, { input })).checkInput).toEqual({ issues: [], input });
  expect(upstream.count("submit")).toBe(0);

  const { job } = (await ask(SUBMIT, { input, tags: ["draft", "blue", "draft"] })).submitJob;
  expect(job).toMatchObject({ input, tags: ["draft", "blue"] });
  const changes = { prompt: "a lamp" };
  const again = (await ask(RERUN, { id: job.id, changes, tags: ["blue"] })).rerunJob.job;
  expect(again).toMatchObject({ input: { ...input, ...changes }, tags: ["blue"] });
  const sent = upstream.requests.findLast(({ call }) => call === "submit");
  expect(JSON.parse(sent?.body ?? "null")).toEqual({ ...input, ...changes });
  expect(await list("blue")).toMatch(new RegExp(`${again.id}.*${job.id}`));
  expect(await list("draft")).not.toContain(again.id);

  await expect.poll(() => list("blue")).not.toContain("false");
  const { deleteJobs } = await ask(
    `mutation ($ids: [ID!]!) { deleteJobs(ids: $ids) { __typename } }`,
    { ids: [job.id, again.id, job.id] },
  );
  expect(deleteJobs).toEqual(Array.from({ length: 3 }, () => ({ __typename: "DeleteJobSuccess" })));
  expect(await list("blue")).toBe('{"jobs":{"edges":[]}}');
});
