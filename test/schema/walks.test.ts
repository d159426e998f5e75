import { expect, test } from "vitest";
import { z } from "zod";

import { createJob } from "../../src/job/job.ts";
import { openInProcessGateway } from "./in-process-gateway.ts";

const PAGE = z.object({
  totalCount: z.number().nullable(),
  searchedTo: z.string().nullable(),
  edges: z.array(z.object({ cursor: z.string(), node: z.object({ id: z.string() }) })),
  pageInfo: z.object({
    hasNextPage: z.boolean(),
    hasPreviousPage: z.boolean(),
    startCursor: z.string().nullable(),
    endCursor: z.string().nullable(),
  }),
});
const FIELDS =
  "{ totalCount searchedTo edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }";

/** 250 jobs, one a second, the oldest of them and the newest of a cat, behind a clock that leaves each operation one step. */
async function openGateway() {
  let ms = 0;
  const gateway = await openInProcessGateway({ now: () => (ms += 6_000) });
  const ids: string[] = [];
  for (let second = 0; second < 250; second++) {
    const now = new Date(1_000 * second);
    const facts = { ownerId: "local", deploymentId: "d", upstream: "sandbox", apiVersion: "v1" };
    const job = createJob({ ...facts, tags: ["all"], now });
    const prompt = second % 249 === 0 ? "a cat" : "a dog";
    await gateway.store.jobs.insert({ job, input: { prompt }, key: null });
    ids.unshift(job.id);
  }
  async function ask(given: string) {
    const { data, errors } = await gateway.answer(`{ jobs(${given}) ${FIELDS} }`);
    expect(errors).toBeUndefined();
    return z.object({ jobs: PAGE }).parse(data).jobs;
  }
  return { gateway, ids, ask };
}

test("a search that runs out of time says how far it came, also where it found nothing, and goes on from there", async () => {
  const { ids, ask } = await openGateway();
  const filter = 'filter: { text: "cat" }';
  const first = await ask(filter);
  expect(first).toMatchObject({
    totalCount: null,
    searchedTo: new Date(150_000).toISOString(),
    edges: [{ node: { id: ids[0] } }],
    pageInfo: { hasNextPage: true, hasPreviousPage: false, startCursor: first.edges[0]?.cursor },
  });
  const second = await ask(`${filter}, after: "${first.pageInfo.endCursor}"`);
  expect(second).toMatchObject({
    searchedTo: new Date(50_000).toISOString(),
    edges: [],
    pageInfo: { hasNextPage: true, hasPreviousPage: true },
  });
  const third = await ask(`${filter}, after: "${second.pageInfo.endCursor}"`);
  expect(third).toMatchObject({
    searchedTo: null,
    edges: [{ node: { id: ids.at(-1) } }],
    pageInfo: { hasNextPage: false, hasPreviousPage: true, endCursor: third.edges[0]?.cursor },
  });
});

test("it does so backward, too", async () => {
  const { ids, ask } = await openGateway();
  const backward = 'last: 5, filter: { text: "cat" }';
  const last = await ask(backward);
  expect(last).toMatchObject({
    searchedTo: new Date(99_000).toISOString(),
    edges: [{ node: { id: ids.at(-1) } }],
    pageInfo: { hasNextPage: false, hasPreviousPage: true },
  });
  const empty = await ask(`${backward}, before: "${last.pageInfo.startCursor}"`);
  expect(empty).toMatchObject({
    searchedTo: new Date(199_000).toISOString(),
    edges: [],
    pageInfo: { hasNextPage: true, hasPreviousPage: true },
  });
  const first = await ask(`${backward}, before: "${empty.pageInfo.startCursor}"`);
  expect(first).toMatchObject({
    searchedTo: null,
    edges: [{ node: { id: ids[0] } }],
    pageInfo: { hasNextPage: true, hasPreviousPage: false },
  });
});

test("a page that is full stops the search, and none of it is read twice", async () => {
  const { ids, ask } = await openGateway();
  const filter = 'first: 2, filter: { tag: "all", deploymentId: "d" }';
  const first = await ask(filter);
  expect(first.edges.map(({ node }) => node.id)).toEqual(ids.slice(0, 2));
  expect(first).toMatchObject({ totalCount: null, searchedTo: new Date(248_000).toISOString() });
  const second = await ask(`${filter}, after: "${first.pageInfo.endCursor}"`);
  expect(second.edges.map(({ node }) => node.id)).toEqual(ids.slice(2, 4));
});

test("a list that an index answers is counted, and says how far a page came", async () => {
  const { ask } = await openGateway();
  const page = await ask('first: 3, filter: { tag: "all" }');
  expect(page).toMatchObject({ totalCount: 250, searchedTo: new Date(247_000).toISOString() });
});

test("all searches of an operation share its time, and each of them makes a step", async () => {
  const { gateway } = await openGateway();
  const search = `jobs(filter: { text: "bird" }) ${FIELDS}`;
  const { data } = await gateway.answer(`{ a: ${search} b: ${search} }`);
  const pages = z.object({ a: PAGE, b: PAGE }).parse(data);
  for (const page of Object.values(pages)) {
    expect(page.searchedTo).toBe(new Date(150_000).toISOString());
    expect(page.pageInfo.hasNextPage).toBe(true);
  }
});
