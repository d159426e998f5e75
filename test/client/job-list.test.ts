import { CANCEL_JOB, type JobFilter } from "runcomfy-graphql-client";
import { createJobList } from "runcomfy-graphql-client/job-list";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { createApiKeysFile } from "../auth/api-keys-file.ts";
import { submit } from "../support/graphql-client.ts";
import { LANTERN, openClient } from "./open-client.ts";

const INPUT = z.object({ prompt: z.string() });
const EDIT_JOBS = `mutation ($ids: [ID!]!, $addTags: [String!], $removeTags: [String!], $isStarred: Boolean) {
  editJobs(ids: $ids, addTags: $addTags, removeTags: $removeTags, isStarred: $isStarred) { __typename }
}`;
const SOON = { timeout: 20_000, interval: 50 };

async function openList(filter: JobFilter, options: Parameters<typeof createJobList>[2]) {
  const { client, origin, proxy } = await openClient({ SANDBOX_SPEED: "4" });
  let asked = 0;
  const counted: typeof client = {
    ...client,
    request(...given) {
      asked += 1;
      return client.request(...given);
    },
  };
  const list = createJobList(counted, filter, options);
  const prompts = () => list.get().jobs.map(({ input }) => INPUT.parse(input).prompt);
  const add = async (prompt: string) => (await submit(origin, LANTERN, prompt)).id;
  const follow = () => {
    const leave = list.subscribe(() => undefined);
    onTestFinished(leave);
    return leave;
  };
  return { client, proxy, list, prompts, add, follow, asked: () => asked };
}

test("a list has the newest jobs first, more when asked for, and each as it is by now", async () => {
  const { client, list, prompts, add, follow } = await openList({}, { pageSize: 2 });
  for (const prompt of ["one", "two", "[slow] three"]) await add(prompt);
  follow();
  await expect.poll(prompts, SOON).toEqual(["[slow] three", "two"]);
  expect(list.get()).toMatchObject({ totalCount: 3, hasMore: true, error: null });
  list.loadMore();
  await expect.poll(prompts, SOON).toEqual(["[slow] three", "two", "one"]);
  expect(list.get().hasMore).toBe(false);

  const id = await add("[slow] four");
  await expect.poll(prompts, SOON).toEqual(["[slow] four", "[slow] three", "two", "one"]);
  await client.request(CANCEL_JOB, { id });
  await expect.poll(() => list.get().jobs[0]?.status, SOON).toBe("CANCELLED");
});

test("a job that no longer fits leaves its list", async () => {
  const { list, add, prompts, follow } = await openList(
    { status: ["IN_QUEUE", "IN_PROGRESS"] },
    { pageSize: 5 },
  );
  follow();
  await add("one");
  await expect.poll(prompts, SOON).toEqual(["one"]);
  await expect.poll(prompts, SOON).toEqual([]);
  expect(list.get().totalCount).toBe(0);
});

test("a job leaves its list with its star or its tag, and comes back with them", async () => {
  const { client, list, prompts, add, follow } = await openList(
    { tag: "keeper", isStarred: true },
    { pageSize: 5 },
  );
  const id = await add("one");
  const edit = (changes: object) => client.request(EDIT_JOBS, { ids: [id], ...changes });
  follow();
  await expect.poll(() => list.get().totalCount, SOON).toBeNull();
  await edit({ addTags: ["keeper"], isStarred: true });
  await expect.poll(prompts, SOON).toEqual(["one"]);
  for (const changes of [{ removeTags: ["keeper"] }, { isStarred: false }]) {
    await edit(changes);
    await expect.poll(prompts, SOON).toEqual([]);
    await edit({ addTags: ["keeper"], isStarred: true });
    await expect.poll(prompts, SOON).toEqual(["one"]);
  }
});

test("what changed while the connection was down, or nobody listened, is there afterwards", async () => {
  const { list, add, prompts, follow, proxy } = await openList({}, { pageSize: 5 });
  const leave = follow();
  await expect.poll(() => list.get().totalCount, SOON).toBe(0);
  proxy.drop();
  await add("one");
  await expect.poll(() => proxy.refused(), SOON).toBeGreaterThan(0);
  proxy.heal();
  await expect.poll(prompts, SOON).toEqual(["one"]);
  leave();
  await add("two");
  follow();
  await expect.poll(prompts, SOON).toEqual(["two", "one"]);
});

test("an error is reported, and passes by itself", async () => {
  const { list, prompts, add, follow, proxy } = await openList({}, { pageSize: 5 });
  follow();
  await expect.poll(() => list.get().totalCount, SOON).toBe(0);
  proxy.loseAnswers('"totalCount"');
  await add("one");
  list.reload();
  await expect.poll(() => list.get().error?.code, SOON).toBe("NO_ANSWER");
  proxy.heal();
  await expect.poll(prompts, SOON).toEqual(["one"]);
  await expect.poll(() => list.get().error, SOON).toBeNull();
});

test("a list is read where no socket can be had, and followed again once a credential is accepted", async () => {
  const keys = await createApiKeysFile();
  const key = await keys.create("web");
  let credential = "Bearer rck_wrong";
  const { client } = await openClient(
    { AUTH: "api-keys", API_KEYS_FILE: keys.file, SANDBOX_SPEED: "20" },
    { authorization: () => credential },
  );
  const list = createJobList(client, {}, { pageSize: 5 });
  onTestFinished(list.subscribe(() => undefined));
  await expect.poll(() => list.get().error?.code, SOON).toBe("REFUSED");
  credential = `Bearer ${key}`;
  const { status } = await firstOf(
    client.submitAndWatch({ deploymentId: LANTERN, input: { prompt: "one" } }),
  );
  expect(status).toBe("IN_QUEUE");
  list.reload();
  await expect.poll(() => list.get().jobs[0]?.status, SOON).toBe("SUCCEEDED");
  expect(list.get().error).toBeNull();
});

test("a search that is read without a socket goes on to say that nothing changes it", async () => {
  const keys = await createApiKeysFile();
  const key = await keys.create("web");
  // The socket is opened before anything is read.
  const credentials = ["Bearer rck_wrong"];
  const { client } = await openClient(
    { AUTH: "api-keys", API_KEYS_FILE: keys.file },
    { authorization: () => credentials.pop() ?? `Bearer ${key}` },
  );
  const list = createJobList(client, { text: "a cat" }, { pageSize: 5 });
  onTestFinished(list.subscribe(() => undefined));
  await expect.poll(() => list.get().error?.code, SOON).toBe("REFUSED");
  // A feed that says nothing at all is waited for as long.
  const silent = { ...client, subscribe: () => () => undefined };
  const later = createJobList(silent, { text: "a cat" }, { pageSize: 5 });
  onTestFinished(later.subscribe(() => undefined));
  await expect.poll(() => later.get().totalCount, SOON).toBeNull();
  expect(list.get()).toMatchObject({ totalCount: null, error: { code: "REFUSED" } });
});

test("a search is read a page at a time, when asked to, with what changes of it, and again when it is reloaded", async () => {
  const { client, list, prompts, add, follow, asked } = await openList(
    { text: "a CAT" },
    { pageSize: 2 },
  );
  for (const prompt of ["a cat, one", "a dog", "a cat, two", "[slow] a cat, three"])
    await add(prompt);
  expect(list.get().totalCount).toBeUndefined();
  follow();
  await expect.poll(prompts, SOON).toEqual(["[slow] a cat, three", "a cat, two"]);
  expect(list.get()).toMatchObject({ totalCount: null, hasMore: true });
  list.loadMore();
  await expect.poll(prompts, SOON).toEqual(["[slow] a cat, three", "a cat, two", "a cat, one"]);
  expect(list.get()).toMatchObject({ hasMore: false, searchedTo: null });
  const id = await add("[slow] a cat, four");
  await client.request(CANCEL_JOB, { id: list.get().jobs[0]?.id ?? "" });
  await expect.poll(() => list.get().jobs[0]?.status, SOON).toBe("CANCELLED");
  expect(asked()).toBe(2);
  list.reload();
  await expect.poll(() => list.get().jobs[0]?.id, SOON).toBe(id);
  expect(list.get().jobs).toHaveLength(4);
  expect(asked()).toBe(3);
});

async function firstOf<Value>(values: AsyncIterable<Value>): Promise<Value> {
  for await (const value of values) return value;
  throw new Error("There is none.");
}
