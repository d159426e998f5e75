import { getIntrospectionQuery } from "graphql";
import { expect, test } from "vitest";

import { OPEN_CATALOGUE } from "../../src/engine/deployments/catalogue.ts";
import { JobNotFoundError, UpstreamError } from "../../src/engine/job/errors.ts";
import { createSchema } from "../../src/api/schema/create-schema.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { connect, run } from "./open-socket.ts";
import { LIMITS, post, serve } from "./serve.ts";

const LIMIT = { tokens: 300, cost: 500 };
const SCHEMA = createSchema(OPEN_CATALOGUE);

type Variables = Record<string, unknown>;

/** Gives what HTTP and a WebSocket answer where there are no jobs. */
async function open(options: Parameters<typeof serve>[0] = {}) {
  const { graphqlUrl } = await serve({
    schema: SCHEMA,
    createContext: () => ({
      reads: {
        listJobs: () => Promise.resolve({ jobs: [], stoppedAt: null }),
        startAnew: () => undefined,
      },
    }),
    ...options,
  });
  const client = connect(graphqlUrl);
  const accept = "application/graphql-response+json";
  return {
    async askHttp(query: string, variables: Variables = {}) {
      const response = await post(graphqlUrl, { query, variables }, { accept });
      const body: unknown = await response.json();
      return { status: response.status, body };
    },
    askSocket: (query: string, variables: Variables = {}) => run(client, { query, variables }),
  };
}

/** Each fragment spreads the next one twice. */
function doubling(levels: number): string {
  const fragments = Array.from(
    { length: levels },
    (_, level) => `fragment F${level} on Query { ...F${level + 1} ...F${level + 1} }`,
  );
  return `{ ...F0 } ${fragments.join(" ")} fragment F${levels} on Query { __typename }`;
}

const page = (fields: string) => `jobs(first: 100) { edges { node { ${fields} } } }`;

const SMALL = { limits: { ...LIMITS, document: LIMIT } };

test("what is too large or too costly is refused with the limit, over HTTP and WebSocket alike", async () => {
  const { askHttp, askSocket } = await open(SMALL);
  for (const [query, code, limit] of [
    [`{ ${"__typename ".repeat(400)} }`, "DOCUMENT_TOO_LARGE", 300],
    [doubling(10), "DOCUMENT_TOO_LARGE", 300],
    [`{ ${page("id status version createdAt")} }`, "DOCUMENT_TOO_COSTLY", 500],
  ] as const) {
    const message = expect.stringMatching(new RegExp(`${limit}[ .,].*(Ask|Use|Split|Send)`));
    const errors = expect.arrayContaining([
      expect.objectContaining({ message, extensions: { code, limit } }),
    ]);
    expect(await askHttp(query)).toMatchObject({ status: 400, body: { errors } });
    expect(await askSocket(query)).toEqual(errors);
  }
});

test("the cost of a page is that of the size which a variable or its default gives, every time anew", async () => {
  const { askHttp, askSocket } = await open(SMALL);
  const of = (variable: string) =>
    `query (${variable}) { jobs(first: $constructor) { edges { node { id status version createdAt } } } }`;
  const refused = [{ extensions: { code: "DOCUMENT_TOO_COSTLY" } }];
  for (const _ of [1, 2])
    for (const [variable, size, isRefused] of [
      ["$constructor: Int", 5, false],
      ["$constructor: Int", undefined, false],
      ["$constructor: Int", null, false],
      ["$constructor: Int", 100, true],
      ["$constructor: Int = 100", undefined, true],
      ["$constructor: Int! = 100", undefined, true],
      ["$constructor: Int = 100", 5, false],
      ["$constructor: Int = 100", null, false],
      ["$constructor: Int = 5", undefined, false],
      ["$constructor: Int = 5", 100, true],
    ] as const) {
      const variables = size === undefined ? {} : Object.fromEntries([["constructor", size]]);
      const { body } = await askHttp(of(variable), variables);
      const reported = await askSocket(of(variable), variables);
      if (isRefused) {
        expect(body).toMatchObject({ errors: refused });
        expect(reported).toMatchObject(refused);
      } else
        for (const one of [body, reported]) expect(one).toEqual({ data: { jobs: { edges: [] } } });
    }
});

const EVERYTHING =
  "id requestId status queuePosition isCancellable isFinished version createdAt startedAt finishedAt updatedAt deployment { id name } error { code message } history { version status at } assets { url path kind expiresAt } input output";

test("a page of 100 jobs with all there is of them may be asked for, and two may not", async () => {
  const { askHttp } = await open();
  const once = await askHttp(`{ ${page(EVERYTHING)} }`);
  expect(once.body).toEqual({ data: { jobs: { edges: [] } } });
  expect(await askHttp(`{ ${page("uploads { url }")} }`)).toMatchObject({ status: 200 });
  for (const query of [
    `{ a: ${page(EVERYTHING)} b: ${page(EVERYTHING)} }`,
    `{ ${["a", "b", "c", "d"].map((key) => `${key}: ${page("history { version } input output")}`).join(" ")} }`,
    `{ ${page(`deployment { ${page("id")} }`)} }`,
    // Of 100 uploads each, whose URLs take as long to sign as others take to answer.
    `{ ${page("uploads { url thumbnailUrl }")} }`,
  ]) {
    expect(await askHttp(query)).toMatchObject({
      status: 400,
      body: { errors: [{ extensions: { code: "DOCUMENT_TOO_COSTLY", limit: 15_000 } }] },
    });
  }
});

test("items cost as many as are given, also as variables: 100 with all there is of their jobs, not 200", async () => {
  const { askHttp } = await open({
    createContext: ({ viewer }) => ({
      viewer,
      reads: { clear: () => undefined, finish: () => undefined },
      engine: {
        channels: { refused: { publish: () => undefined } },
        submitOptions: {},
        submitter: { submitJob: () => Promise.reject(new UpstreamError("UNAVAILABLE")) },
      },
    }),
  });
  const submit = `submitJobs(items: $items) { __typename ... on SubmitJobSuccess { job { ${EVERYTHING} } } }`;
  const items = Array.from({ length: 100 }, () => ({ deploymentId: "d", input: {} }));
  const toQuery = (fields: string) => `mutation ($items: [SubmitJobItem!]!) { ${fields} }`;
  const once = await askHttp(toQuery(submit), { items });
  expect(once.body).toEqual({
    data: { submitJobs: items.map(() => ({ __typename: "UpstreamError" })) },
  });
  const twice = toQuery(`a: ${submit} b: ${submit}`);
  expect((await askHttp(twice, { items })).body).toMatchObject({
    errors: [{ extensions: { code: "DOCUMENT_TOO_COSTLY", limit: 15_000 } }],
  });
});

test("ids cost as many as are given, by whatever way: 100 with all there is of their jobs, not 200", async () => {
  const refused = { errors: [{ extensions: { code: "DOCUMENT_TOO_COSTLY", limit: 15_000 } }] };
  const { askHttp, askSocket } = await open({
    createContext: ({ viewer }) => ({
      viewer,
      reads: { clear: () => undefined, finish: () => undefined },
      engine: {
        canceller: { cancelJob: (id: string) => Promise.reject(new JobNotFoundError(id)) },
      },
    }),
  });
  const cancel = (ids: string) =>
    `cancelJobs(ids: ${ids}) { __typename ... on CancelJobSuccess { job { ${EVERYTHING} } } }`;
  const idList = (count: number) => Array.from({ length: count }, (_, place) => `job_${place}`);
  const hundred = JSON.stringify(idList(100));
  const results = idList(100).map(() => ({ __typename: "JobNotFoundError" }));

  expect((await askHttp(`mutation { ${cancel(hundred)} }`)).body).toEqual({
    data: { cancelJobs: results },
  });
  const twice = `mutation { a: ${cancel(hundred)} b: ${cancel(hundred)} }`;
  expect((await askHttp(twice)).body).toMatchObject(refused);
  const asVariable = `mutation ($ids: [ID!]!) { a: ${cancel("$ids")} b: ${cancel("$ids")} }`;
  for (const _ of [1, 2]) {
    expect((await askHttp(asVariable, { ids: idList(100) })).body).toMatchObject(refused);
    expect((await askHttp(asVariable, { ids: idList(9_999) })).body).toMatchObject(refused);
    expect(await askSocket(asVariable, { ids: idList(100) })).toMatchObject(refused.errors);
    for (const ids of [["job_0"], "job_0"]) {
      const one = results.slice(0, 1);
      expect((await askHttp(asVariable, { ids })).body).toEqual({ data: { a: one, b: one } });
    }
  }
  const asDefault = `mutation ($ids: [ID!]! = ${hundred}) { a: ${cancel("$ids")} b: ${cancel("$ids")} }`;
  expect((await askHttp(asDefault)).body).toMatchObject(refused);
  expect((await askHttp(asDefault, { ids: [] })).body).toEqual({ data: { a: [], b: [] } });
});

test("an operation has at most 10 mutations, however they are written", async () => {
  const { askHttp } = await open();
  const many = Array.from({ length: 11 }, (_, at) => `a${at}: deleteJob(id: "x") { __typename }`);
  const [first, ...others] = many;
  const message = "The operation has more than 10 mutations. Send the others in further requests.";
  for (const query of [
    `mutation { ${many.join(" ")} }`,
    `mutation { ${first} ...Others } fragment Others on Mutation { ... { ${others.join(" ")} } }`,
  ])
    expect((await askHttp(query)).body).toEqual({
      errors: [
        expect.objectContaining({ message, extensions: { code: "DOCUMENT_TOO_LARGE", limit: 10 } }),
      ],
    });
  const { body } = await askHttp(`mutation { ${others.join(" ")} ${others.join(" ")} __typename }`);
  expect(JSON.stringify(body)).not.toContain("DOCUMENT_TOO_LARGE");
});

test("the schema of 300 deployments may be asked for whole by tools, and not three times over", async () => {
  const deployments = Array.from({ length: 300 }, (_, place) => ({
    id: `deployment-${place}`,
    name: `Deployment ${place}`,
    model: "flux",
  }));
  const schema = createSchema(catalogueOf(...deployments));
  const { askHttp } = await open({ schema });
  const whole = getIntrospectionQuery({
    descriptions: true,
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    oneOf: true,
  });
  expect(await askHttp(whole)).toMatchObject({
    status: 200,
    body: { data: { __schema: { queryType: { name: "Query" } } } },
  });
  const types = /types \{\s*\.\.\.FullType\s*\}/;
  const thrice = whole.replace(types, (list) => `a: ${list} b: ${list} c: ${list}`);
  expect((await askHttp(thrice)).body).toMatchObject({
    errors: [{ extensions: { code: "DOCUMENT_TOO_COSTLY" } }],
  });
});
