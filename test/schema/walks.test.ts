import { expect, test } from "vitest";
import { z } from "zod";

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
const CATS = 'filter: { text: "cat" }';

const at = (seconds: number): string => new Date(1_000 * seconds).toISOString();

/** 150 jobs, one a second, the oldest of them and the newest of a cat, behind a clock that leaves each operation one step. */
test("a walk that runs out of time says how far it came, also where it found nothing, and goes on from there", async () => {
  let ms = 0;
  const gateway = await openInProcessGateway({ now: () => (ms += 6_000) });
  const ids: string[] = [];
  for (let second = 0; second < 150; second++) {
    const prompt = second % 149 === 0 ? "a cat" : "a dog";
    const createdAt = new Date(1_000 * second);
    const facts = { deploymentId: "d", tags: ["all"], createdAt, input: { prompt } };
    ids.unshift((await gateway.addJob(facts)).id);
  }
  async function ask(given: string) {
    const { data, errors } = await gateway.answer(`{ jobs(${given}) ${FIELDS} }`);
    expect(errors).toBeUndefined();
    return z.object({ jobs: PAGE }).parse(data).jobs;
  }

  const first = await ask(CATS);
  expect(first).toMatchObject({
    totalCount: null,
    searchedTo: at(50),
    edges: [{ node: { id: ids[0] } }],
    pageInfo: { hasNextPage: true, hasPreviousPage: false, startCursor: first.edges[0]?.cursor },
  });
  const second = await ask(`${CATS}, after: "${first.pageInfo.endCursor}"`);
  expect(second).toMatchObject({
    searchedTo: null,
    edges: [{ node: { id: ids.at(-1) } }],
    pageInfo: { hasNextPage: false, hasPreviousPage: true, endCursor: second.edges[0]?.cursor },
  });

  // Backward, too, and where nothing is found.
  const last = await ask('last: 5, filter: { text: "bird" }');
  const pageInfo = { hasNextPage: false, hasPreviousPage: true };
  expect(last).toMatchObject({ searchedTo: at(99), edges: [], pageInfo });
  const newest = await ask(`last: 5, ${CATS}, before: "${last.pageInfo.startCursor}"`);
  expect(newest).toMatchObject({
    searchedTo: null,
    edges: [{ node: { id: ids[0] } }],
    pageInfo: { hasNextPage: true, hasPreviousPage: false },
  });

  // A page that is full stops the walk, and none of it is read twice.
  const both = 'first: 2, filter: { tag: "all", deploymentId: "d" }';
  const full = await ask(both);
  expect(full.edges.map(({ node }) => node.id)).toEqual(ids.slice(0, 2));
  expect(full).toMatchObject({ totalCount: null, searchedTo: at(148) });
  const next = await ask(`${both}, after: "${full.pageInfo.endCursor}"`);
  expect(next.edges.map(({ node }) => node.id)).toEqual(ids.slice(2, 4));

  // All walks of an operation share its time, and each of them makes a step.
  const walk = `jobs(filter: { text: "bird" }) ${FIELDS}`;
  const { data } = await gateway.answer(`{ a: ${walk} b: ${walk} }`);
  const page = { searchedTo: at(50), pageInfo: { hasNextPage: true } };
  expect(data).toMatchObject({ a: page, b: page });
});
