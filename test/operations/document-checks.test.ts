import { buildSchema } from "graphql";
import { createYoga } from "graphql-yoga";
import { expect, test } from "vitest";

import { createDocumentChecks } from "../../src/operations/document-checks.ts";

/** Parses and checks as a request does; gives the parsed document, and whether it is valid. */
function createRunner() {
  const schema = buildSchema("type Query { a: Int }");
  const yoga = createYoga({
    schema,
    parserAndValidationCache: false,
    plugins: [
      createDocumentChecks(schema, { tokens: 100, cost: 100, hasIntrospection: true }).plugin,
    ],
  });
  return (source: string) => {
    const { parse, validate } = yoga.getEnveloped({ params: {}, share: { take: () => undefined } });
    const document: unknown = parse(source);
    return { document, errors: validate(schema, document) };
  };
}

test("a valid document is parsed once", () => {
  const run = createRunner();
  const first = run("{ a }");
  const second = run("{ a }");
  expect(second.document).toBe(first.document);
  expect(second.errors).toEqual([]);
});

test("a document that was refused is not kept, and is refused again", () => {
  const run = createRunner();
  const first = run("{ b }");
  const second = run("{ b }");
  expect(second.document).not.toBe(first.document);
  expect(second.errors).toHaveLength(1);
});

test("long documents are not kept, and of many the ones that were used last", () => {
  const run = createRunner();
  const text = (place: number, length: number) => `{ ${"x".repeat(length)}${place}: a }`;
  const long = text(1, 20_000);
  expect(run(long).document).not.toBe(run(long).document);
  const first = run("{ a }").document;
  const used = run("{ b: a }").document;
  for (let place = 0; place < 60; place += 1) {
    run(text(place, 8_000));
    expect(run("{ b: a }").document).toBe(used);
  }
  expect(run("{ a }").document).not.toBe(first);
});
