import { buildSchema, getIntrospectionQuery, Kind } from "graphql";
import { createYoga } from "graphql-yoga";
import { expect, test } from "vitest";

import { DOCUMENTS } from "runcomfy-graphql-client";
import { createDocumentChecks } from "../../src/api/operations/document-checks.ts";

/** Parses and checks as a request does; gives the parsed document, and what is wrong with it. */
function createRunner({ areTrusted = false, tokens = 100 } = {}) {
  const schema = buildSchema("type Query { a: Int }");
  const limits = { tokens, cost: 1_000 };
  const checks = createDocumentChecks(schema, { ...limits, hasIntrospection: true, areTrusted });
  const yoga = createYoga({ schema, parserAndValidationCache: false, plugins: [checks.plugin] });
  return (source: string) => {
    const { parse, validate } = yoga.getEnveloped({ params: {} });
    const document: unknown = parse(source);
    return { document, errors: validate(schema, document) };
  };
}

const text = (place: number, length: number) => `{ ${"x".repeat(length)}${place}: a }`;

test("a document is parsed and validated once, whether it is valid or not", () => {
  const run = createRunner();
  for (const [source, errorCount] of [
    ["{ a }", 0],
    ["{ b }", 1],
  ] as const) {
    const first = run(source);
    const second = run(source);
    expect(second.document).toBe(first.document);
    expect(second.errors).toHaveLength(errorCount);
  }
});

test("of many documents the ones that were used last are kept", () => {
  const run = createRunner();
  const first = run("{ a }").document;
  const used = run("{ b: a }").document;
  for (let place = 0; place < 60; place += 1) {
    run(text(place, 8_000));
    expect(run("{ b: a }").document).toBe(used);
  }
  expect(run("{ a }").document).not.toBe(first);
});

test("a document of more than 10,000 characters is refused, unless the operator has listed it", () => {
  const run = createRunner();
  const spare = text(1, 0).length;
  expect(run(text(1, 10_000 - spare)).errors).toEqual([]);
  expect(() => run(text(1, 10_001 - spare))).toThrow("more than 10000 characters. Ask for less");
  const runTrusted = createRunner({ areTrusted: true });
  const longest = runTrusted(text(1, 1_000_000)).document;
  expect(runTrusted(text(1, 1_000_000)).document).toBe(longest);
});

test("what the client and tools send by themselves is far shorter than that", () => {
  const texts = [getIntrospectionQuery(), ...DOCUMENTS];
  expect(Math.max(...texts.map(({ length }) => length))).toBeLessThan(5_000);
});

test("fields and fragments that meet in one object too often are refused before all are compared", () => {
  const run = createRunner({ tokens: 5_000 });
  const times = (count: number, make: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => make(index)).join(" ");
  const fragments = times(150, (at) => `fragment F${at} on Query { x${at}: a }`);
  for (const source of [
    `{ ${times(4_800, () => "a")} }`,
    `{ ...A } fragment A on Query { ${times(4_800, () => "a")} }`,
    `{ ${times(150, (at) => `...F${at}`)} } ${fragments}`,
  ])
    expect(run(source).errors, source).toMatchObject([
      { message: expect.stringContaining("more than 10000 pairs"), extensions: { limit: 10_000 } },
    ]);
});

test("a document has an error for each of its first 20 mistakes", () => {
  const run = createRunner({ tokens: 1_000 });
  const { errors } = run(`{ ${Array.from({ length: 100 }, (_, place) => `b${place}`).join(" ")} }`);
  expect(errors).toHaveLength(21);
});

test("a bomb of millions of fields is refused at once, and so is a circle", () => {
  const run = createRunner({ tokens: 500 });
  const levels = Array.from({ length: 21 }, (_, at) => at);
  const bomb = levels.map((at) => `fragment F${at} on Query { ...F${at + 1} ...F${at + 1} }`);
  const startedAt = performance.now();
  const { errors } = run(`{ ...F0 } ${bomb.join(" ")} fragment F21 on Query { a }`);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  expect(errors).toMatchObject([{ extensions: { code: "DOCUMENT_TOO_LARGE", limit: 500 } }]);
  expect(run("{ ...F } fragment F on Query { a ...F }").errors).toMatchObject([
    { message: expect.stringContaining("within itself") },
  ]);
});

test("an argument that a variable leaves empty is named, and a wrong variable is the executor's to name", () => {
  const schema = buildSchema("type Query { a(b: Int!): Int }");
  const complexity = ({ b }: { readonly b: number }) => b;
  Object.assign(schema.getQueryType()?.getFields()["a"]?.extensions ?? {}, { complexity });
  const limits = { tokens: 100, cost: 5, hasIntrospection: true, areTrusted: false };
  const { check } = createDocumentChecks(schema, limits);
  const checkWith = (b: unknown) => check("query ($b: Int = 9) { a(b: $b) }", { variables: { b } });
  for (const served of [5, "1"]) expect(checkWith(served)).toMatchObject({ kind: Kind.DOCUMENT });
  for (const [refused, code] of [
    [6, "DOCUMENT_TOO_COSTLY"],
    [null, "BAD_USER_INPUT"],
  ] as const)
    expect(checkWith(refused)).toMatchObject([{ extensions: { code } }]);
});
