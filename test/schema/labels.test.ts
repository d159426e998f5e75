import { expect, test } from "vitest";
import { z } from "zod";

import { createViewer } from "../support/viewers.ts";
import { openInProcessGateway } from "./in-process-gateway.ts";

const EDIT = `mutation ($ids: [ID!]!, $add: [String!], $remove: [String!], $star: Boolean) {
  editJobs(ids: $ids, addTags: $add, removeTags: $remove, isStarred: $star) {
    __typename
    ... on EditJobSuccess { job { id tags isStarred version } }
    ... on InvalidLabelsError { issues { path message } }
    ... on Error { message }
  }
}`;

async function open() {
  const gateway = await openInProcessGateway();
  const edit = async (variables: Record<string, unknown>) => {
    const { data, errors } = await gateway.answer(EDIT, variables);
    expect(errors).toBeUndefined();
    return data?.["editJobs"];
  };
  return { ...gateway, edit };
}

const success = (id: string, tags: readonly string[], isStarred: boolean, version: number) => ({
  __typename: "EditJobSuccess",
  job: { id, tags, isStarred, version },
});

test("many jobs are labelled at once, each answered in the order of the ids", async () => {
  const { addJob, observe, edit } = await open();
  const ended = await observe(await addJob({ tags: ["a", "b"] }), {
    kind: "cancelled",
    finishedAt: null,
  });
  const waiting = await addJob();
  const ids = [ended.id, "job_unknown", waiting.id, "job_\u0000", ended.id];
  const unknown = { __typename: "JobNotFoundError", message: expect.any(String) };
  const first = success(ended.id, ["b", "c"], true, 3);
  expect(await edit({ ids, add: ["c", "c", "b"], remove: ["a", "x"], star: true })).toEqual([
    first,
    unknown,
    success(waiting.id, ["c", "b"], true, 2),
    unknown,
    first,
  ]);
  // What is not said stays, and what is so already is no change.
  expect(await edit({ ids: [ended.id], add: ["b"] })).toEqual([first]);
  expect(await edit({ ids: [ended.id], star: true })).toEqual([first]);
  expect(await edit({ ids: [ended.id] })).toEqual([first]);
  const other = success(ended.id, ["b", "c"], false, 4);
  expect(await edit({ ids: [ended.id], star: false, add: null })).toEqual([other]);
});

test("what can't be a tag, and more tags than a job has, are reported beside the others", async () => {
  const { addJob, edit } = await open();
  const tags = Array.from({ length: 9 }, (_, index) => `tag ${index}`);
  const full = await addJob({ tags });
  const free = await addJob();
  const issue = (path: string, message: RegExp) => ({
    __typename: "InvalidLabelsError",
    message: "Correct the marked values, then change the tags again.",
    issues: [{ path, message: expect.stringMatching(message) }],
  });
  expect(await edit({ ids: [full.id, free.id], add: ["x", "y"], star: true })).toEqual([
    issue("tags", /has 11 different tags; leave some out/),
    success(free.id, ["x", "y"], true, 2),
  ]);
  expect(await edit({ ids: [full.id], add: ["x", "y"], remove: ["tag 0"] })).toEqual([
    success(full.id, [...tags.slice(1), "x", "y"], false, 2),
  ]);
  for (const [given, path, message] of [
    [{ add: ["ok", ""] }, "addTags[1]", /1 to 64/],
    [{ add: ["a\nb"] }, "addTags[0]", /control character/],
    [{ remove: ["x".repeat(65)] }, "removeTags[0]", /1 to 64/],
    [{ add: Array.from({ length: 11 }, (_, at) => `n${at}`) }, "addTags", /11 different/],
  ] as const)
    expect(await edit({ ids: [free.id], ...given })).toEqual([issue(path, message)]);
});

test("at most 100 jobs are labelled in a call", async () => {
  const { answer, edit } = await open();
  const toIds = (length: number) => Array.from({ length }, (_, index) => `job_${index}`);
  expect(await edit({ ids: toIds(100), add: ["a"] })).toHaveLength(100);
  const { errors } = await answer(EDIT, { ids: toIds(101) });
  expect(errors?.[0]?.extensions["code"]).toBe("BAD_USER_INPUT");
});

test("the feed and the job's watchers get it", async () => {
  const { addJob, observe, subscribe, edit } = await open();
  const job = await observe(await addJob(), { kind: "accepted", requestId: "r" });
  const FIELDS = "job { id tags isStarred version }";
  const streams = await Promise.all([
    subscribe(`subscription { jobsUpdated(filter: { tag: "a" }) { reason ${FIELDS} } }`, {}),
    subscribe(`subscription { jobsUpdated(filter: { tag: "b" }) { reason ${FIELDS} } }`, {}),
    subscribe(`subscription { jobUpdated(id: "${job.id}") { version tags } }`, {}),
  ]);
  const [ofA, ofB, watcher] = streams.map((stream) => {
    if (!("next" in stream)) throw new Error("it did not begin");
    return stream;
  });
  expect((await watcher?.next())?.value).toMatchObject({ data: { jobUpdated: { version: 2 } } });
  const reported = [ofA?.next(), ofB?.next(), watcher?.next()];
  await edit({ ids: [job.id], add: ["a"], star: true });
  const jobsUpdated = { reason: "LABELS", job: { id: job.id, tags: ["a"], isStarred: true } };
  expect((await reported[0])?.value).toMatchObject({ data: { jobsUpdated } });
  expect((await reported[2])?.value).toMatchObject({ data: { jobUpdated: { version: 3 } } });
  await edit({ ids: [job.id], add: ["b"], remove: ["a"] });
  expect((await reported[1])?.value).toMatchObject({
    data: { jobsUpdated: { reason: "LABELS", job: { tags: ["b"] } } },
  });
  await Promise.all([ofA?.return(), ofB?.return(), watcher?.return()]);
});

test("tags to choose from are the viewer's own, whatever it may read", async () => {
  const { addJob, answer } = await open();
  const tags = Array.from({ length: 10 }, (_, index) => `t${index}`);
  for (let count = 0; count < 3; count++) await addJob({ tags: [...tags.slice(3), "most"] });
  await addJob({ tags: ["theirs"], ownerId: "theirs" });
  const ask = async (given = "", viewer?: ReturnType<typeof createViewer>) => {
    const { data, errors } = await answer(`{ tags${given} { tag count } }`, {}, viewer);
    expect(errors).toBeUndefined();
    const parsed = z.object({ tags: z.array(z.object({ tag: z.string(), count: z.number() })) });
    return parsed.parse(data).tags;
  };
  expect(await ask("(first: 1)")).toEqual([{ tag: "most", count: 3 }]);
  expect((await ask()).map(({ tag }) => tag)).toEqual(["most", ...tags.slice(3)]);
  expect(await ask('(startsWith: "t4")')).toEqual([{ tag: "t4", count: 3 }]);
  const operator = createViewer({ ownerId: "operator" });
  expect(await ask("", operator)).toEqual([]);
  for (const given of ["first: 0", "first: 101", 'startsWith: "\\u0000"']) {
    const { errors } = await answer(`{ tags(${given}) { tag } }`);
    expect(errors?.[0]?.extensions["code"], given).toBe("BAD_USER_INPUT");
  }
});

test("jobs are listed, and deleted, by their star", async () => {
  const { addJob, observe, answer, edit } = await open();
  const end = { kind: "cancelled", finishedAt: null } as const;
  const one = await observe(await addJob(), end);
  const other = await observe(await addJob({ createdAt: new Date(1_000) }), end);
  await edit({ ids: [one.id], star: true });
  const list = async (filter: string) => {
    const { data } = await answer(
      `{ jobs(filter: { ${filter} }) { totalCount edges { node { id isStarred } } } }`,
    );
    return data?.["jobs"];
  };
  const node = (id: string, isStarred: boolean) => ({ node: { id, isStarred } });
  const starred = [node(one.id, true)];
  expect(await list("isStarred: true")).toEqual({ totalCount: 1, edges: starred });
  const others = { totalCount: null, edges: [node(other.id, false)] };
  expect(await list("isStarred: false")).toEqual(others);
  expect(await list("isStarred: null, status: [CANCELLED]")).toMatchObject({ totalCount: 2 });
  const { data } = await answer(
    'mutation { deleteMatchingJobs(filter: { isStarred: false }, createdBefore: "2099-01-01T00:00:00Z") { done } }',
  );
  expect(data).toEqual({ deleteMatchingJobs: { done: 1 } });
  expect(await list("status: [CANCELLED]")).toEqual({ totalCount: 1, edges: starred });
});
