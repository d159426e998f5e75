import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { JsonSchemaObject } from "../../src/deployments/json-schema.ts";
import { readSchema } from "../../src/deployments/read/read-schema.ts";
import { toPathText } from "../../src/job/input-issue.ts";
import type { JsonObject, JsonValue } from "../../src/job/json.ts";

describe("what is understood", () => {
  test("types in the words of other languages, in any case of letters", () => {
    const words = {
      string: ["str", "text", "STRING"],
      number: ["float", "double", "decimal"],
      integer: ["int", "long", "int32", "Int64"],
      boolean: ["bool"],
      array: ["list"],
      object: ["dict", "map"],
      null: ["none"],
    };
    for (const [type, synonyms] of Object.entries(words)) {
      for (const synonym of synonyms) expect(read({ type: synonym })).toEqual({ type: [type] });
    }
    expect(read({ type: "any" })).toEqual({});
    expect(read({ type: ["str", "string", "None"] })).toEqual({ type: ["string", "null"] });
  });

  test("a type that is a kind of URI is a string of that format, unless it has another", () => {
    expect(read({ type: "image_uri" })).toEqual({ type: ["string"], format: "image_uri" });
    expect(read({ type: "URL", format: "uri" })).toEqual({ type: ["string"], format: "uri" });
  });

  test("draft 4's flags beside bounds", () => {
    expect(
      read({ minimum: 1, exclusiveMinimum: true, maximum: 2, exclusiveMaximum: false }),
    ).toEqual({ exclusiveMinimum: 1, maximum: 2 });
  });

  test("lists of items, dependencies and definitions up to draft 7", () => {
    const schema = read({
      items: [{ type: "string" }, true],
      additionalItems: { $ref: "#/definitions/rest" },
      dependencies: { a: ["b"], c: "d", e: { required: ["f"] } },
      definitions: { rest: { type: "null" } },
    });
    expect(schema).toEqual({
      prefixItems: [{ type: ["string"] }, true],
      items: { $ref: "#/$defs/rest" },
      dependentRequired: { a: ["b"], c: ["d"] },
      dependentSchemas: { e: { required: ["f"] } },
      $defs: { rest: { type: ["null"] } },
    });
  });

  test("properties that tell themselves that they are required", () => {
    const properties = { a: { required: true }, b: { required: false }, c: {} };
    expect(read({ properties, required: ["c", "c"] })).toEqual({
      properties: { a: {}, b: {}, c: {} },
      required: ["c", "a"],
    });
  });

  test("OpenAPI's nullable, on a type, an enum, a const and a reference", () => {
    expect(read({ type: "string", nullable: true })).toEqual({ type: ["string", "null"] });
    expect(read({ enum: ["a"], nullable: true })).toEqual({ enum: ["a", null] });
    expect(read({ const: 1, type: "int", nullable: true })).toEqual({
      enum: [1, null],
      type: ["integer", "null"],
    });
    const components = { schemas: { Size: { type: "integer" } } };
    const size = {
      $ref: "#/components/schemas/Size",
      nullable: true,
      default: null,
      title: "Size",
    };
    expect(read({ properties: { size }, components })).toEqual({
      properties: {
        size: {
          title: "Size",
          default: null,
          anyOf: [{ $ref: "#/$defs/Size" }, { type: ["null"] }],
        },
      },
      $defs: { Size: { type: ["integer"] } },
    });
  });

  test("numbers as text, and null for a keyword that is left out", () => {
    const loose = { minimum: "64", multipleOf: "0.5", maxLength: "3", maximum: null, items: null };
    expect(read({ ...loose, title: null, default: null, const: null })).toEqual({
      minimum: 64,
      multipleOf: 0.5,
      maxLength: 3,
      default: null,
      const: null,
    });
  });

  test("patterns in Python's spelling, and those that only compile without the flag u", () => {
    expect(read({ pattern: String.raw`\A(?P<hex>[0-9]+)-(?P=hex)\Z` })).toEqual({
      pattern: String.raw`^(?<hex>[0-9]+)-\k<hex>$`,
    });
    expect(read({ pattern: String.raw`[\_]\\A` })).toEqual({ pattern: String.raw`[\_]\\A` });
    expect(read({ patternProperties: { [String.raw`\Aa`]: { type: "int" }, "^a": true } })).toEqual(
      {
        patternProperties: { "^a": { allOf: [{ type: ["integer"] }, true] } },
      },
    );
  });

  test("a default outside its bounds stays as it is, and an enum keeps each value once", () => {
    expect(read({ type: "integer", maximum: 1, default: 5 })).toEqual({
      type: ["integer"],
      maximum: 1,
      default: 5,
    });
    const values = [{ a: 1, b: 2 }, { b: 2, a: 1 }, "x"];
    expect(read({ enum: values })).toEqual({ enum: [{ a: 1, b: 2 }, "x"] });
  });

  test("what checks nothing is left out, whatever it holds", () => {
    const ignored = { $schema: 3, $comment: {}, "x-order": 1, example: { type: 3 }, readOnly: "?" };
    const unused = { $defs: { unused: { type: "bogus" } }, title: 3, description: ["a"] };
    expect(read({ ...ignored, ...unused, format: "made-up" })).toEqual({ format: "made-up" });
  });

  test("a key named __proto__ is a property like others", () => {
    const document = JSON.parse(
      '{"properties":{"__proto__":{"type":"int"}},"dependencies":{"__proto__":["a"]}}',
    );
    expect(JSON.stringify(read(document))).toBe(
      '{"dependentRequired":{"__proto__":["a"]},"properties":{"__proto__":{"type":["integer"]}}}',
    );
  });
});

describe("references", () => {
  test("a place is moved once, by whatever way it is reached, and its default stays where it was", () => {
    const width = { type: "int", default: 8, $anchor: "width" };
    const properties = {
      width,
      a: { $ref: "#width" },
      b: { $ref: "#/properties/width" },
      c: { $ref: "#/properties/%77idth" },
      d: { $dynamicRef: "https://a.test/s.json#/properties/width" },
      e: { $ref: "s.json#width" },
    };
    const stub = { $ref: "#/$defs/width" };
    expect(read({ $id: "https://a.test/s.json", properties })).toEqual({
      properties: { width: { ...stub, default: 8 }, a: stub, b: stub, c: stub, d: stub, e: stub },
      $defs: { width: { type: ["integer"], default: 8 } },
    });
  });

  test.each([
    ["the whole document", "#", "#"],
    ["escapes of ~ and /", "#/$defs/a~1b~0c", "#/$defs/a_b_c"],
    ["a bare percent sign", "#/$defs/100%", "#/$defs/100"],
    ["an item of a list", "#/allOf/0", "#/$defs/allOf_0"],
    ["an anchor", "#there", "#/$defs/anchored"],
    ["draft 7's $id as an anchor", "#seven", "#/$defs/seventh"],
    ["a schema's own $id", "other.json", "#/$defs/embedded"],
    ["a pointer into a schema with its own $id", "other.json#/$defs/in", "#/$defs/in"],
    ["draft 4's id as an anchor", "#four", "#/$defs/fourth"],
    ["a name that objects inherit", "#/$defs/__proto__", "#/$defs/proto"],
  ])("may be %s", (_, $ref, expected) => {
    const document = JSON.parse(
      JSON.stringify({
        allOf: [{ title: "first" }],
        items: { $ref },
        $defs: {
          "a/b~c": {},
          "100%": {},
          anchored: { $anchor: "there" },
          seventh: { $id: "#seven" },
          fourth: { id: "#four" },
          embedded: { $id: "other.json", $defs: { in: {} } },
          PROTO: {},
        },
      }).replace("PROTO", "__proto__"),
    );
    expect(read(document).items).toEqual({ $ref: expected });
  });

  test("inside a schema with its own $id they start from there, else from the root", () => {
    const embedded = {
      $id: "/b.json",
      properties: { near: { $ref: "#/$defs/x" }, far: { $ref: "#/$defs/y" } },
      $defs: { x: { title: "inner" } },
    };
    const document = { items: embedded, $defs: { x: { title: "outer" }, y: { title: "y" } } };
    expect(read(document).$defs).toEqual({ x: { title: "inner" }, y: { title: "y" } });
  });

  test("two targets of one name get a number, and siblings are kept", () => {
    const document = {
      $defs: { x: { title: "1" }, y: { $defs: { x: { title: "2" } } } },
      items: { $ref: "#/$defs/x", minimum: 3 },
      not: { $ref: "#/$defs/y/$defs/x", $dynamicRef: "#/$defs/x" },
    };
    expect(read(document)).toEqual({
      items: { $ref: "#/$defs/x_2", minimum: 3 },
      not: { $ref: "#/$defs/x", allOf: [{ $ref: "#/$defs/x_2" }] },
      $defs: { x: { title: "2" }, x_2: { title: "1" } },
    });
  });

  test("a recursive schema is read once", () => {
    const node = { properties: { children: { items: { $recursiveRef: "#" } } } };
    expect(read(node)).toEqual({ properties: { children: { items: { $ref: "#" } } } });
  });
});

describe("what is a problem", () => {
  test("everything is told at once, with its path in the original document", () => {
    const document = {
      type: "objct",
      required: "prompt",
      properties: {
        a: { type: ["string", "boolaen", 3], minimum: {}, minLength: -1, multipleOf: 0 },
        b: { minimum: 3, maximum: "2", maxItems: 1.5, uniqueItems: "yes", format: 1 },
        c: { enum: [], nullable: "yes", pattern: "(", anyOf: [], allOf: {} },
        d: 3,
        e: { $ref: "#/definitions/used" },
        f: { $ref: 3, patternProperties: { "[": true }, type: [] },
        g: { dependencies: { x: [1] }, dependentRequired: 3, properties: [] },
        h: { $ref: "https://a.test/b.json#/c" },
        i: { $ref: "#/definitions/Used" },
        j: { prefixItems: [true], items: [true] },
        k: { exclusiveMinimum: "x", dependencies: "x", properties: { y: null } },
        l: { type: "frobnicate" },
      },
      definitions: { used: { items: "x" } },
    };
    expect(problemsOf(document)).toEqual([
      "required: must be a list of property names",
      'type: "objct" is no JSON type; did you mean object?',
      "properties.a.minLength: must be a whole number, 0 or above",
      "properties.a.minimum: must be a number",
      "properties.a.multipleOf: must be above 0",
      'properties.a.type[1]: "boolaen" is no JSON type; did you mean boolean?',
      `properties.a.type[2]: must be a type or a list of types: ${TYPES}`,
      "properties.b.maxItems: must be a whole number, 0 or above",
      "properties.b.uniqueItems: must be true or false",
      "properties.b.format: must be a string",
      "properties.b.minimum: 3 is above maximum, 2, so nothing would fit; correct one of them",
      "properties.c.pattern: is no regular expression of JavaScript (Unterminated group); correct it",
      "properties.c.enum: must be a list of at least one value",
      "properties.c.nullable: must be true or false",
      "properties.c.allOf: must be a list of schemas",
      "properties.c.anyOf: offers no schema; list one or leave it out",
      "properties.d: must be a schema: an object, true or false",
      "properties.f.type: names no type; name one or leave it out",
      'properties.f.patternProperties["["]: is no regular expression of JavaScript (Unterminated character class); correct it',
      "properties.f.$ref: must be a string such as #/$defs/name",
      "properties.g.dependencies.x[0]: must be a string",
      "properties.g.dependentRequired: must be an object with a list of property names for each property",
      "properties.g.properties: must be an object of schemas",
      "properties.h.$ref: leads out of the document (https://a.test/b.json#/c); nothing remote is ever fetched, so put it under $defs",
      "properties.i.$ref: leads to nothing in this document (#/definitions/Used); correct it, or put what it names under $defs",
      "properties.j.items: must be a schema where prefixItems is",
      "properties.k.dependencies: must be an object with a list of property names for each property",
      "properties.k.exclusiveMinimum: must be a number, or true or false beside a bound",
      "properties.k.properties.y: must be a schema: an object, true or false",
      `properties.l.type: "frobnicate" is no JSON type; use one of ${TYPES}`,
      "definitions.used.items: must be a schema: an object, true or false",
    ]);
  });

  test.each([
    ["itself", { $ref: "#" }, ["$ref"]],
    [
      "its sibling",
      {
        $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } },
        items: { $ref: "#/$defs/a" },
      },
      ["$defs.a.$ref", "$defs.b.$ref"],
    ],
    ["what holds it", { anyOf: [{ type: "string" }, { $ref: "#" }] }, ["anyOf[1].$ref"]],
  ])("a reference that comes back from %s with nothing between", (_, document, paths) => {
    const message = "leads to itself with nothing between; put a property or an item between";
    expect(problemsOf(document).toSorted()).toEqual(paths.map((path) => `${path}: ${message}`));
  });

  test("schemas and values that nest deeper than 64 levels", () => {
    const nest = (levels: number, key: string): JsonObject =>
      levels === 0 ? {} : { [key]: nest(levels - 1, key) };
    expect(readSchema(nest(64, "items")).problems).toEqual([]);
    const message = "is nested deeper than 64 levels; flatten it";
    expect(readSchema(nest(5_000, "items")).problems).toEqual([
      { path: Array.from({ length: 65 }, () => "items"), message },
    ]);
    for (const keyword of ["default", "const", "enum"]) {
      expect(readSchema({ [keyword]: [nest(62, "a")] }).problems).toEqual([]);
      expect(readSchema({ [keyword]: [nest(63, "a")] }).problems).toEqual([
        { path: [keyword], message },
      ]);
      expect(readSchema({ [keyword]: [nest(5_000, "a")] }).problems).toHaveLength(1);
    }
    expect(problemsOf({ $ref: `#/a${"/a".repeat(80)}`, a: nest(90, "a") })).toEqual([
      `${["a", ...Array.from({ length: 80 }, () => "a")].join(".")}: ${message}`,
    ]);
  });

  test("a long chain of references is followed to its end", () => {
    const count = 3_000;
    const $defs = Object.fromEntries(
      Array.from({ length: count }, (_, index) => [
        `d${index}`,
        index === count - 1 ? { type: "bogus" } : { items: { $ref: `#/$defs/d${index + 1}` } },
      ]),
    );
    expect(problemsOf({ $ref: "#/$defs/d0", $defs })).toHaveLength(1);
  });
});

describe("whatever the document", () => {
  test("it is read without throwing; without problems it compiles, and reading it again changes nothing", () => {
    let compiled = 0;
    fc.assert(
      fc.property(documents(looseWords), (document) => {
        const { schema, problems } = readSchema(document);
        if (problems.length > 0) return;
        compiled++;
        new Ajv2020(AJV_OPTIONS).compile(schema);
        expect(readSchema(JSON.parse(JSON.stringify(schema)))).toMatchObject({
          schema,
          problems: [],
        });
      }),
      { numRuns: 300 },
    );
    expect(compiled).toBeGreaterThan(0);
  });

  test("any JSON at all is read without throwing", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...KEYWORDS), fc.jsonValue()), (document) => {
        readSchema(JSON.parse(JSON.stringify(document)));
      }),
    );
  });

  test.each([["2020-12", Ajv2020, newWords] as const, ["draft 7", Ajv, oldWords] as const])(
    "a plain schema of %s accepts what it accepted before",
    (_, Original, words) => {
      let compared = 0;
      fc.assert(
        fc.property(documents(words), fc.array(VALUES, { minLength: 5 }), (document, values) => {
          const { schema, problems } = readSchema(document);
          if (problems.length > 0) return;
          const before = new Original(AJV_OPTIONS).compile(document);
          const after = new Ajv2020(AJV_OPTIONS).compile(schema);
          for (const value of values) expect(verdict(after, value)).toBe(verdict(before, value));
          compared++;
        }),
        { numRuns: 150 },
      );
      expect(compared).toBeGreaterThan(0);
    },
  );
});

const TYPES = "string, integer, number, boolean, object, array, null";

function read(document: JsonObject): JsonSchemaObject {
  const { schema, problems } = readSchema(document);
  expect(problems).toEqual([]);
  return schema;
}

function problemsOf(document: JsonObject): string[] {
  return readSchema(document).problems.map(
    ({ path, message }) => `${toPathText(path)}: ${message}`,
  );
}

const AJV_OPTIONS = {
  strict: false,
  validateSchema: false,
  validateFormats: false,
  logger: false,
  // Without it, every object has a `__proto__`.
  ownProperties: true,
  code: { regExp: Object.assign(compilePattern, { code: "compilePattern" }) },
} as const;

function compilePattern(pattern: string, flags: string): RegExp {
  try {
    return new RegExp(pattern, flags);
  } catch (error) {
    if (error instanceof SyntaxError) return new RegExp(pattern);
    throw error;
  }
}

function verdict(validate: (value: unknown) => unknown, value: JsonValue): unknown {
  try {
    return validate(value);
  } catch (error) {
    // Ajv 8.20 itself fails on patternProperties beside a oneOf with unevaluatedProperties in it.
    return String(error);
  }
}

type Words = (schema: fc.Arbitrary<JsonValue>) => Record<string, fc.Arbitrary<JsonValue>>;

/** Documents whose schemas hold a few of these keywords each, and definitions that they may refer to. */
function documents(words: Words): fc.Arbitrary<JsonObject> {
  const { document } = fc.letrec<{ schema: JsonValue; object: JsonObject; document: JsonObject }>(
    (tie) => {
      const member = fc.oneof(
        ...Object.entries(words(tie("schema"))).map(([keyword, value]) =>
          fc.tuple(fc.constant(keyword), value),
        ),
      );
      const object = fc
        .array(member, { maxLength: 4 })
        .map((entries): JsonObject => Object.fromEntries(entries));
      return {
        object,
        schema: fc.oneof(
          { depthSize: "small", withCrossShrink: true },
          fc.boolean(),
          fc.constantFrom<JsonValue>({ type: "string" }, { type: "integer" }, { type: "object" }),
          tie("object"),
        ),
        document: fc
          .tuple(object, tie("object"), tie("object"))
          .map(([root, a, b]) => toDocument(words, root, a, b)),
      };
    },
  );
  return document;
}

function toDocument(words: Words, root: JsonObject, a: JsonObject, b: JsonObject): JsonObject {
  if (words === oldWords) return { ...root, definitions: { a, b: { ...b, $id: "#b" } } };
  return { ...root, $defs: { a, b: { ...b, $anchor: "b" } } };
}

const NAME = fc.constantFrom("a", "b", "c", "__proto__");
const BOUND = fc.integer({ min: -2, max: 4 });
const COUNT = fc.nat({ max: 3 });
const TYPE = fc.constantFrom("string", "integer", "number", "boolean", "object", "array", "null");
const PATTERN = fc.constantFrom("^a", "b$", "[0-9]", String.raw`[\_a]`);
const VALUES = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<JsonValue>(null, true, false, "", "a", "ab", "b1", 0, 1, 2, 3.5, -1),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "c", "d"), tie("value"), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
  ),
})).value;

function commonWords(schema: fc.Arbitrary<JsonValue>): Record<string, fc.Arbitrary<JsonValue>> {
  const schemas = fc.array(schema, { minLength: 1, maxLength: 3 });
  const map = fc.dictionary(NAME, schema, { maxKeys: 3 });
  return {
    type: fc.oneof(TYPE, fc.uniqueArray(TYPE, { minLength: 1, maxLength: 3 })),
    enum: fc.array(VALUES, { minLength: 1, maxLength: 4 }),
    const: VALUES,
    default: VALUES,
    format: fc.constantFrom("uri", "made-up"),
    pattern: PATTERN,
    minimum: BOUND,
    maximum: BOUND,
    exclusiveMinimum: BOUND,
    multipleOf: fc.constantFrom(1, 2, 0.5),
    minLength: COUNT,
    maxItems: COUNT,
    minProperties: COUNT,
    uniqueItems: fc.boolean(),
    required: fc.uniqueArray(NAME, { maxLength: 2 }),
    properties: map,
    patternProperties: fc.dictionary(PATTERN, schema, { maxKeys: 2 }),
    additionalProperties: schema,
    propertyNames: schema,
    contains: schema,
    allOf: schemas,
    anyOf: schemas,
    oneOf: schemas,
    not: schema,
    // A member `then` written here would look like a promise's.
    ...Object.fromEntries(["if", "then", "else"].map((keyword) => [keyword, schema])),
  };
}

function newWords(schema: fc.Arbitrary<JsonValue>): Record<string, fc.Arbitrary<JsonValue>> {
  return {
    ...commonWords(schema),
    $ref: fc.constantFrom("#", "#/$defs/a", "#b", "#/$defs/b", "#/properties/a"),
    prefixItems: fc.array(schema, { minLength: 1, maxLength: 2 }),
    items: schema,
    unevaluatedItems: schema,
    unevaluatedProperties: schema,
    minContains: COUNT,
    dependentRequired: fc.dictionary(NAME, fc.uniqueArray(NAME, { maxLength: 2 })),
    dependentSchemas: fc.dictionary(NAME, schema, { maxKeys: 2 }),
  };
}

function oldWords(schema: fc.Arbitrary<JsonValue>): Record<string, fc.Arbitrary<JsonValue>> {
  return {
    ...commonWords(schema),
    $ref: fc.constantFrom("#", "#/definitions/a", "#b", "#/definitions/b", "#/properties/a"),
    items: fc.oneof(schema, fc.array(schema, { minLength: 1, maxLength: 2 })),
    additionalItems: schema,
    dependencies: fc.dictionary(NAME, fc.oneof(schema, fc.uniqueArray(NAME, { maxLength: 2 })), {
      maxKeys: 2,
    }),
  };
}

function looseWords(schema: fc.Arbitrary<JsonValue>): Record<string, fc.Arbitrary<JsonValue>> {
  const junk = fc
    .jsonValue({ maxDepth: 2 })
    .map((value): JsonValue => JSON.parse(JSON.stringify(value)));
  const words = {
    ...newWords(schema),
    ...oldWords(schema),
    type: fc.oneof(TYPE, fc.constantFrom("float", "any", "image_uri", "Dict")),
    nullable: fc.boolean(),
    exclusiveMaximum: fc.oneof(BOUND, fc.boolean()),
    minimum: fc.oneof(BOUND, BOUND.map(String)),
    required: fc.oneof(fc.boolean(), fc.array(NAME)),
    pattern: fc.oneof(PATTERN, fc.constantFrom("(", String.raw`\A(?P<n>.)\Z`)),
    $dynamicRef: fc.constantFrom("#", "#b", "#/nowhere", "https://a.test/"),
    $id: fc.constantFrom("a.json", "#c", "urn:x:y"),
    title: fc.string(),
  };
  return Object.fromEntries(
    Object.entries(words).map(([keyword, value]) => [
      keyword,
      fc.oneof({ arbitrary: value, weight: 30 }, { arbitrary: junk, weight: 1 }),
    ]),
  );
}

const KEYWORDS = Object.keys(looseWords(fc.boolean()));

test.each([
  [{ propertys: {} }, ["propertys"], "checks nothing; did you mean properties?"],
  [{ minLenght: 1 }, ["minLenght"], "checks nothing; did you mean minLength?"],
  [{ Required: ["a"] }, ["Required"], "checks nothing; did you mean required?"],
  [
    { properties: { prompt: {} }, required: ["promt"], additionalProperties: false },
    ["required"],
    "names promt, which additionalProperties refuses; did you mean prompt?",
  ],
])("what is hardly meant so is a doubt, and no problem: %j", (schema, path, message) => {
  const { problems, doubts } = readSchema({ type: "object", ...schema });
  expect(problems).toEqual([]);
  expect(doubts).toEqual([{ path, message }]);
});

test("words that are no keywords are left to others", () => {
  const words = [
    ...["order", "x-order", "x-nullable", "x-properties", "x-required", "hidden", "label"],
    ...["option", "min", "max", "step", "readOnly", "examples", "enumNames", "contentEncoding"],
    ...["minimal", "multiple", "container", "cost", "formats", "defaults", "patterns", "item"],
    ...["requiredIf", "isNullable", "definition", "ui:widget", "_private"],
  ];
  const schema = { type: "object", ...Object.fromEntries(words.map((word) => [word, 1])) };
  expect(readSchema(schema)).toMatchObject({ problems: [], doubts: [] });
});

test("an example, a wrapped schema and the inside of properties are doubted as schemas", () => {
  for (const document of [
    { prompt: "a glow", width: 1_024 },
    { title: "T", schema: { type: "object" } },
    { prompt: { type: "string" } },
  ]) {
    expect(readSchema(document)).toMatchObject({ problems: [], doubts: [{ path: [] }] });
  }
  for (const document of [
    {},
    { title: "T", deprecated: true },
    { $schema: "x", "x-order": [] },
    { required: ["a"] },
  ]) {
    expect(readSchema(document).doubts).toEqual([]);
  }
});

test.each([
  [{ type: "image_uri", format: "uri" }],
  [{ type: ["image_uri", "uri"] }],
  [{ type: ["url", "image_uri"] }],
  [{ type: "string", format: "IMAGE_URI" }],
  [{ type: "string", format: "image-uri" }],
])("a file's URL is one however it is spelled: %j", (schema) => {
  expect(readSchema(schema).schema).toEqual({ type: ["string"], format: "image_uri" });
});
