import { buildSchema, getIntrospectionQuery } from "graphql";
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
  const share = { take: () => undefined };
  return (source: string) => {
    const { parse, validate } = yoga.getEnveloped({ params: {}, share });
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

test("fields are compared in fragments that nothing spreads, too, and so are spreads of one object", () => {
  const run = createRunner({ tokens: 5_000 });
  const places = Array.from({ length: 150 }, (_, place) => place);
  const fields = places.map(() => "a").join(" ");
  const spreads = places.map((place) => `...F${place}`).join(" ");
  const fragments = places.map((place) => `fragment F${place} on Query { x${place}: a }`).join(" ");
  for (const source of [
    `{ ...A } fragment A on Query { a } fragment B on Query { ${fields} }`,
    `{ ${spreads} } ${fragments}`,
  ])
    expect(run(source).errors, source).toMatchObject([
      { message: expect.stringContaining("more than 10000 pairs"), extensions: { limit: 10_000 } },
    ]);
});
