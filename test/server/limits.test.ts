import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { getIntrospectionQuery, Kind, parse, print } from "graphql";
import { createClient } from "graphql-ws";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";

import { OPEN_CATALOGUE } from "../../src/deployments/catalogue.ts";
import { JobNotFoundError } from "../../src/job/errors.ts";
import { createSchema } from "../../src/schema/create-schema.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { LIMITS, serve } from "./serve.ts";

const LIMIT = { tokens: 300, cost: 500 };
const ROOT = join(import.meta.dirname, "..", "..");

type Variables = Readonly<Record<string, unknown>>;

/** Gives what HTTP and a WebSocket answer. */
async function open(options: Parameters<typeof serve>[0]) {
  const { graphqlUrl } = await serve(options);
  const client = createClient({
    url: graphqlUrl.replace("http", "ws"),
    webSocketImpl: WebSocket,
    retryAttempts: 0,
  });
  onTestFinished(() => client.dispose());

  async function askHttp(query: string, variables: Variables = {}) {
    const response = await fetch(graphqlUrl, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/graphql-response+json",
      },
      body: JSON.stringify({ query, variables }),
    });
    const body: unknown = await response.json();
    return { status: response.status, body };
  }

  function askSocket(query: string, variables: Variables = {}): Promise<unknown> {
    return new Promise((resolve) => {
      client.subscribe(
        { query, variables },
        { next: resolve, error: resolve, complete: () => resolve(null) },
      );
    });
  }

  return { graphqlUrl, askHttp, askSocket };
}

/** Each fragment spreads the next one twice. */
function doubling(levels: number): string {
  const fragments = Array.from(
    { length: levels },
    (_, level) => `fragment F${level} on Query { ...F${level + 1} ...F${level + 1} }`,
  );
  return `{ ...F0 } ${fragments.join(" ")} fragment F${levels} on Query { __typename }`;
}

function many(count: number, make: (place: number) => string): string {
  return Array.from({ length: count }, (_, place) => make(place)).join(" ");
}

const page = (fields: string) => `jobs(first: 100) { edges { node { ${fields} } } }`;

test.each([
  ["tokens", `{ ${"__typename ".repeat(400)} }`, "DOCUMENT_TOO_LARGE", 300],
  ["tokens once fragments are written out", doubling(10), "DOCUMENT_TOO_LARGE", 300],
  ["cost", `{ ${page("id status version createdAt")} }`, "DOCUMENT_TOO_COSTLY", 500],
])(
  "too many %s are refused with the limit, over HTTP and WebSocket alike",
  async (_what, query, code, limit) => {
    const { askHttp, askSocket } = await open({
      schema: createSchema(OPEN_CATALOGUE),
      limits: { ...LIMITS, document: LIMIT },
    });
    const error = {
      message: expect.stringMatching(new RegExp(`${limit}[ .,].*(Ask|Use|Split|Send)`)),
      extensions: { code, limit },
    };
    const { status, body } = await askHttp(query);
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { errors: expect.arrayContaining([expect.objectContaining(error)]) },
    });
    expect(await askSocket(query)).toEqual(
      expect.arrayContaining([expect.objectContaining(error)]),
    );
  },
);

/** With no jobs, and small limits. */
const EMPTY = {
  schema: createSchema(OPEN_CATALOGUE),
  limits: { ...LIMITS, document: LIMIT },
  createContext: () => ({
    reads: { listJobs: () => Promise.resolve({ jobs: [], stoppedAt: null }) },
  }),
};

test("the cost of a page is that of the size which a variable gives, every time anew", async () => {
  const { askHttp, askSocket } = await open(EMPTY);
  const query =
    "query ($size: Int) { jobs(first: $size) { edges { node { id status version createdAt } } } }";
  const refused = { extensions: { code: "DOCUMENT_TOO_COSTLY" } };
  const isFree = { data: { jobs: { edges: [] } } };
  for (const _ of [1, 2]) {
    expect((await askHttp(query, { size: 5 })).body).toEqual(isFree);
    expect((await askHttp(query, {})).body).toEqual(isFree);
    expect((await askHttp(query, { size: null })).body).toEqual(isFree);
    expect((await askHttp(query, { size: 100 })).body).toMatchObject({ errors: [refused] });
    expect((await askHttp(query, { size: "1" })).body).toMatchObject({ errors: [refused] });
    expect(await askSocket(query, { size: 5 })).toEqual(isFree);
    expect(await askSocket(query, { size: 100 })).toMatchObject([refused]);
  }
});

const EVERYTHING =
  "id requestId status queuePosition isCancellable isFinished version createdAt startedAt finishedAt updatedAt deployment { id name } error { code message } history { version status at } assets { url path kind expiresAt } input output";

test("a page of 100 jobs with all there is of them may be asked for, and two may not", async () => {
  const { askHttp } = await open({
    schema: createSchema(OPEN_CATALOGUE),
    createContext: () => ({
      reads: { listJobs: () => Promise.resolve({ jobs: [], stoppedAt: null }) },
    }),
  });
  const once = await askHttp(`{ ${page(EVERYTHING)} }`);
  expect(once.body).toEqual({ data: { jobs: { edges: [] } } });
  for (const query of [
    `{ a: ${page(EVERYTHING)} b: ${page(EVERYTHING)} }`,
    `{ ${["a", "b", "c", "d"].map((key) => `${key}: ${page("history { version } input output")}`).join(" ")} }`,
    `{ ${page(`deployment { ${page("id")} }`)} }`,
  ]) {
    expect(await askHttp(query)).toMatchObject({
      status: 400,
      body: { errors: [{ extensions: { code: "DOCUMENT_TOO_COSTLY", limit: 15_000 } }] },
    });
  }
});

test("a size that is a variable's default costs what it gives, and a value that is sent costs its own", async () => {
  const { askHttp, askSocket } = await open(EMPTY);
  const of = (variable: string) =>
    `query (${variable}) { jobs(first: $constructor) { edges { node { id status version createdAt } } } }`;
  const refused = { extensions: { code: "DOCUMENT_TOO_COSTLY" } };
  const isFree = { data: { jobs: { edges: [] } } };
  for (const variable of ["$constructor: Int = 100", "$constructor: Int! = 100"]) {
    expect((await askHttp(of(variable))).body).toMatchObject({ errors: [refused] });
    expect(await askSocket(of(variable))).toMatchObject([refused]);
    expect((await askHttp(of(variable), { constructor: 5 })).body).toEqual(isFree);
  }
  const expensive = of("$constructor: Int = 100");
  expect((await askHttp(expensive, { constructor: null })).body).toEqual(isFree);
  expect((await askHttp(of("$constructor: Int = 5"))).body).toEqual(isFree);
  expect((await askHttp(of("$constructor: Int"))).body).toEqual(isFree);
  expect((await askHttp(of("$constructor: Int = 5"), { constructor: 100 })).body).toMatchObject({
    errors: [refused],
  });
});

test("ids cost as many as are given, by whatever way: 100 with all there is of their jobs, not 200", async () => {
  const refused = { errors: [{ extensions: { code: "DOCUMENT_TOO_COSTLY", limit: 15_000 } }] };
  const { askHttp, askSocket } = await open({
    schema: createSchema(OPEN_CATALOGUE),
    createContext: ({ viewer }) => ({
      viewer,
      finish: () => undefined,
      loaders: { clear: () => undefined },
      tracking: { cancelJob: (id: string) => Promise.reject(new JobNotFoundError(id)) },
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

test("what the tests ask for is within the limits", async () => {
  const files = globSync("test/support/*.graphql", { cwd: ROOT });
  const texts = files.flatMap((file) => splitOperations(readFileSync(join(ROOT, file), "utf8")));
  expect(texts.length).toBeGreaterThan(1);
  const { askHttp } = await open({ schema: createSchema(OPEN_CATALOGUE) });
  for (const text of texts) {
    const { body } = await askHttp(text);
    expect(JSON.stringify(body)).not.toMatch(/DOCUMENT_TOO|TOO_MANY/);
  }
});

/** One document for each operation, with the fragments, under no name, so that each can be sent alone. */
function splitOperations(text: string): readonly string[] {
  const { definitions } = parse(text);
  const fragments = definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  return definitions
    .filter(({ kind }) => kind === Kind.OPERATION_DEFINITION)
    .map((operation) => print({ kind: Kind.DOCUMENT, definitions: [operation, ...fragments] }));
}

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
  const mutations = many(
    30,
    (place) =>
      `a${place}: __type (name: "Mutation") { fields { name description args { name description type { name description inputFields { name description } } } } }`,
  );
  for (const query of [thrice, `{ ${mutations} }`]) {
    expect((await askHttp(query)).body).toMatchObject({
      errors: [{ extensions: { code: "DOCUMENT_TOO_COSTLY" } }],
    });
  }
});

test.each([
  ["the same field 900 times", `{ ${"__typename ".repeat(900)} }`, "DOCUMENT_TOO_LARGE"],
  ["fields that grow by levels", `{ ${"jobs { totalCount } ".repeat(400)} }`, "DOCUMENT_TOO_LARGE"],
  [
    "200 fragments in one place",
    `{ ${many(200, (n) => `...F${n}`)} } ${many(200, (n) => `fragment F${n} on Query { __typename }`)}`,
    "DOCUMENT_TOO_LARGE",
  ],
  ["fragments that double 180 times", doubling(180), "DOCUMENT_TOO_LARGE"],
  [
    "an operation with the name of the fragment that it spreads",
    doubling(30).replace("{", "query F0 {"),
    "DOCUMENT_TOO_LARGE",
  ],
  [
    "a fragment that another one of its name hides",
    `{ ...F } fragment F on Query { ${"__typename ".repeat(800)} } fragment F on Query { __typename }`,
    "DOCUMENT_TOO_LARGE",
  ],
  [
    "a fragment that spreads itself, behind another one of its name",
    `{ __typename } fragment F on Query { __typename } fragment F on Query { ...F ${"__typename ".repeat(800)} }`,
    "DOCUMENT_TOO_LARGE",
  ],
  [
    "fragments that spread each other",
    "{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }",
    "GRAPHQL_VALIDATION_FAILED",
  ],
  [
    "many unknown fields",
    `{ ${many(450, (n) => `deploymentOf${n}`)} }`,
    "GRAPHQL_VALIDATION_FAILED",
  ],
  ["4,900 directives", `{ __typename ${"@a".repeat(4_900)} }`, "DOCUMENT_TOO_LARGE"],
  ["2,400 directives", `{ __typename ${"@a ".repeat(2_400)} }`, "GRAPHQL_VALIDATION_FAILED"],
  [
    "a huge number",
    `{ jobs(first: ${"9".repeat(9_000)}) { totalCount } }`,
    "GRAPHQL_VALIDATION_FAILED",
  ],
  [
    "a list of 2,400 wrong values",
    `query ($a: ID) { job(id: [${"$a ".repeat(2_400)}]) { id } }`,
    "GRAPHQL_VALIDATION_FAILED",
  ],
  [
    "a text of 10,000 characters",
    `{ job(id: "${"x".repeat(10_000)}") { id } }`,
    "DOCUMENT_TOO_LARGE",
  ],
])("%s: refused in short", async (_what, query, code) => {
  const { askHttp } = await open({ schema: createSchema(OPEN_CATALOGUE) });
  const { status, body } = await askHttp(query);
  expect(status).toBe(400);
  const text = JSON.stringify(body);
  expect(text).toContain(code);
  expect(text.length).toBeLessThan(50_000);
});

test("variables 50,000 levels deep are validated like all others", async () => {
  const { graphqlUrl } = await open({ schema: createSchema(OPEN_CATALOGUE) });
  const deep = "[".repeat(50_000) + "]".repeat(50_000);
  const query = "query ($filter: JobFilter) { jobs(filter: $filter) { totalCount } }";
  const response = await fetch(graphqlUrl, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{ "query": ${JSON.stringify(query)}, "variables": { "filter": ${deep} } }`,
  });
  const text = await response.text();
  expect(text).toContain("BAD_USER_INPUT");
  expect(text.length).toBeLessThan(2_000);
});
