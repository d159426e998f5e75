import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  type Draft,
  findField,
  insideOf,
  isFilled,
  jsonOf,
  toIdsText,
  withInside,
  without,
} from "../../../../console/src/model/draft";
import { type Field, readFields, REST, withOthers } from "../../../../console/src/model/fields";
import { findFiles, withFile } from "../../../../console/src/model/file-inputs";
import {
  switchAll,
  toDraft,
  toFormDraft,
  toInput,
  toJsonDraft,
} from "../../../../console/src/model/input";
import { findIssues } from "../../../../console/src/model/issues";
import type { JsonObject } from "../../../../console/src/model/json";
import { findSlot, putInto } from "../../../../console/src/model/place-file";
import models from "../../../../sandbox/src/models.json" with { type: "json" };
import { toJsonSchema } from "../../../../src/engine/runcomfy/vendor-schema.ts";

const PICTURE = { type: "string", format: "image_uri" };
const SHOT = {
  type: "object",
  required: ["prompt"],
  properties: {
    prompt: { type: "string" },
    seconds: { type: "integer", default: 3 },
    pictures: { type: "array", items: PICTURE, maxItems: 2 },
  },
};
const CIRCLE = {
  type: "object",
  required: ["kind", "radius"],
  properties: { kind: { const: "circle" }, radius: { type: "number" } },
};
const SQUARE = {
  type: "object",
  required: ["kind"],
  properties: { kind: { const: "square" }, side: { type: "number" } },
};
const SCHEMA = {
  $defs: {
    circle: CIRCLE,
    node: {
      type: "object",
      properties: {
        name: { type: "string" },
        child: { $ref: "#/$defs/node" },
        children: { type: "array", items: { $ref: "#/$defs/node" } },
      },
    },
  },
  additionalProperties: false,
  properties: {
    shots: { type: "array", title: "Shots", items: SHOT, maxItems: 3 },
    camera: {
      type: "object",
      properties: { movement: { enum: ["pan", "zoom"] }, slow: { type: "boolean" } },
    },
    shape: { oneOf: [{ $ref: "#/$defs/circle" }, SQUARE] },
    size: {
      anyOf: [
        { enum: ["small", "large"] },
        { type: "object", properties: { px: { type: "integer" } } },
      ],
    },
    tree: { $ref: "#/$defs/node" },
    tags: { type: "array", items: { type: "string" } },
    either: { type: ["string", "array"], items: { type: "string" } },
  },
};
const FIELDS = readFields(SCHEMA);

function fieldAt(path: string, draft: Draft = {}): Field {
  const field = findField(FIELDS, path, draft);
  if (field === undefined) throw new Error(`There is no ${path}.`);
  return field;
}

function inputOf(draft: Draft): JsonObject {
  const { input, problems } = toInput(withOthers(FIELDS, draft), draft);
  expect(problems).toEqual(new Map());
  return input;
}

const SENT: readonly JsonObject[] = [
  {
    shots: [
      { prompt: "a", seconds: 2 },
      { prompt: "b", pictures: ["upload:upl_1"] },
    ],
  },
  { camera: { movement: "pan", slow: false } },
  { shape: { kind: "square", side: 2 } },
  { shape: { kind: "circle", radius: 2 } },
  { size: "small" },
  { size: { px: 7 } },
  { either: "a" },
  { either: ["a", "b"] },
  { tags: ["a", "b"] },
  { tree: { name: "a", child: { children: [{ name: "b" }] } } },
];

test.each(SENT)("%j fills in a form, without JSON", (input) => {
  const draft = toDraft(FIELDS, input);
  expect(withInside(FIELDS, draft).filter((field) => jsonOf(field, draft) !== null)).toEqual([]);
  expect(inputOf(draft)).toEqual(input);
});

test.each<JsonObject>([
  { shots: [{ prompt: "a", speed: 2 }] },
  { shots: [{ prompt: "" }] },
  { shots: [] },
  { shots: "none" },
  { camera: {} },
  { camera: { movement: "pan", slow: null } },
  { shape: { kind: "star" } },
  { tags: ["", "b"] },
  { tags: Array.from({ length: 101 }, (_, nth) => `tag ${nth}`) },
])("%j keeps JSON where no form can hold it, and is submitted as it was", (input) => {
  const draft = toDraft(FIELDS, input);
  expect(inputOf(draft)).toEqual(input);
  const written = withInside(FIELDS, draft).filter((field) => jsonOf(field, draft) !== null);
  expect(written).toHaveLength(1);
  for (const field of written) expect(toFormDraft(field, draft)).toMatch(/^Only JSON can hold/);
});

test("of what no form can hold only the smallest part is JSON", () => {
  const input = { shots: [{ prompt: "a" }, { prompt: "b", speed: 2 }] };
  const draft = toDraft(FIELDS, input);
  expect(draft["shots/0/prompt"]).toBe("a");
  const second = fieldAt("shots/1", draft);
  expect(JSON.parse(jsonOf(second, draft) ?? "")).toEqual(input.shots[1]);
  expect(toFormDraft(second, draft)).toBe("Only JSON can hold this: there is no field for speed.");
});

test("an optional branch that nobody touched sends nothing, one that is begun sends what it must have", () => {
  expect(inputOf({})).toEqual({});
  expect(inputOf({ camera: "", "camera/movement": "", shots: "" })).toEqual({});
  expect(inputOf({ shape: toIdsText(["1"]) })).toEqual({ shape: { kind: "square" } });
  expect(inputOf({ shots: toIdsText(["0"]) })).toEqual({ shots: [{}] });
  const properties = {
    list: { type: "array", items: { type: "string" } },
    atLeastOne: { type: "array", items: { type: "string" }, minItems: 1 },
    object: SQUARE,
    flags: { type: "object", required: ["on"], properties: { on: { type: "boolean" } } },
  };
  const fields = readFields({ properties, required: Object.keys(properties) });
  expect(toInput(fields, {}).input).toEqual({
    ...{ list: [], object: { kind: "square" }, flags: { on: false } },
  });
});

test("a default is shown and never sent", () => {
  const draft = { shots: toIdsText(["0"]), "shots/0/prompt": "a" };
  expect(fieldAt("shots/0/seconds", draft).fallback).toBe(3);
  expect(inputOf(draft)).toEqual({ shots: [{ prompt: "a" }] });
});

test("an item that is left empty is a problem beside it, as a list has no gaps", () => {
  const draft = { tags: toIdsText(["0", "1"]), "tags/0": "a" };
  expect(toInput(FIELDS, draft).problems).toEqual(
    new Map([["tags/1", "Tag 2 is empty; fill it in or remove it."]]),
  );
});

test("a draft of before, with JSON for an object or a list, still works", () => {
  const draft = { shots: '[{ "prompt": "a" }]', camera: '{ "movement": "pan" }' };
  expect(inputOf(draft)).toEqual({ shots: [{ prompt: "a" }], camera: { movement: "pan" } });
  const shots = toFormDraft(fieldAt("shots"), draft);
  expect(shots).toMatchObject({ "shots/0/prompt": "a", camera: draft.camera });
});

test("JSON has what the form would send, and the form what was written", () => {
  const draft = toDraft(FIELDS, { shots: [{ prompt: "a", seconds: 2 }], tags: ["b"] });
  const shots = fieldAt("shots");
  const written = toJsonDraft(shots, draft);
  if (typeof written === "string") throw new Error(written);
  expect(JSON.parse(jsonOf(shots, written) ?? "")).toEqual([{ prompt: "a", seconds: 2 }]);
  expect(inputOf(written)).toEqual(inputOf(draft));
  expect(toFormDraft(shots, written)).toEqual(draft);
  expect(jsonOf(shots, { shots: "json:" })).toBe("");
  expect(toFormDraft(shots, { shots: "json:" })).toEqual({});
  expect(toFormDraft(shots, { shots: "json:[{" })).toMatch(/not complete JSON/);
  // What can't be read, or is on its way, would be lost.
  expect(toJsonDraft(shots, { ...draft, "shots/0/seconds": "two" })).toMatch(/is no number/);
  expect(toJsonDraft(shots, { ...draft, "shots/0/pictures": "file:1" })).toMatch(/upload/);
});

test("all of the input is written as JSON and read again, and stays JSON while it can't be read", () => {
  const draft = toDraft(FIELDS, { shots: [{ prompt: "a" }], size: "small" });
  const written = switchAll(FIELDS, draft);
  if (typeof written === "string") throw new Error(written);
  expect(withOthers(FIELDS, written).map(({ name }) => name)).toEqual([REST]);
  expect(inputOf(written)).toEqual(inputOf(draft));
  expect(switchAll(FIELDS, written)).toEqual(draft);
  expect(switchAll(FIELDS, { ...written, [REST]: "{" })).toMatch(/not complete JSON/);
  expect(switchAll(FIELDS, { ...written, [REST]: '{ "tilt": 1 }' })).toEqual({
    [REST]: JSON.stringify({ tilt: 1 }, null, 2),
  });
});

test("objects go to 12 levels, also where a schema leads to itself, and JSON goes on from there", () => {
  const path = (levels: number) => `tree${"/child".repeat(levels)}`;
  const deep = (levels: number): JsonObject =>
    levels === 0 ? { name: "leaf" } : { child: deep(levels - 1) };
  const draft = toDraft(FIELDS, { tree: deep(20) });
  expect(fieldAt(path(10), draft).widget.kind).toBe("object");
  expect(fieldAt(path(11), draft).widget.kind).toBe("json");
  expect(inputOf(draft)).toEqual({ tree: deep(20) });
  expect(withInside(FIELDS, {}).length).toBeLessThan(30);
});

test("a list's items are reordered and removed with all that is in them", () => {
  const draft = toDraft(FIELDS, { tags: ["a", "b", "c"] });
  expect(inputOf({ ...draft, tags: toIdsText(["2", "0", "1"]) })).toEqual({
    tags: ["c", "a", "b"],
  });
  const shots = toDraft(FIELDS, { shots: [{ prompt: "a" }, { prompt: "b" }] });
  const rest = without(fieldAt("shots/0", shots), { ...shots, shots: toIdsText(["1"]) });
  expect(rest).toEqual({ shots: toIdsText(["1"]), "shots/1/prompt": "b" });
  expect(isFilled(fieldAt("shots"), { "shots/1/prompt": "" })).toBe(false);
});

test("variants are named by what distinguishes them", () => {
  const labelsOf = (path: string) => {
    const { widget } = fieldAt(path);
    return widget.kind === "variants" ? widget.variants.map(({ label }) => label) : [];
  };
  expect(labelsOf("shape")).toEqual(["Circle", "Square"]);
  expect(labelsOf("size")).toEqual(["One of these", "Values"]);
  expect(labelsOf("either")).toEqual(["Text", "List"]);
});

test("a schema whose alternatives lead to themselves is read no deeper than it is shown", () => {
  const term = { $ref: "#/$defs/term" };
  const terms = ["sum", "product", "quotient"].map((kind) => ({
    type: "object",
    required: ["kind", "one", "other"],
    properties: { kind: { const: kind }, one: term, other: term },
  }));
  const number = { type: "object", properties: { number: { type: "number" } } };
  const fields = readFields({
    $defs: { term: { oneOf: [...terms, number] } },
    ...{ properties: { term }, additionalProperties: false },
  });
  const input = { term: { kind: "product", one: { number: 1 }, other: { number: 2 } } };
  const draft = toDraft(fields, input);
  expect(draft).toMatchObject({ "term/one/number": "1", "term/other/number": "2" });
  expect(toInput(fields, draft).input).toEqual(input);
});

test("a schema that demands itself, or lists of itself, is read no further than anybody can fill in", () => {
  let reads = 0;
  const node = {
    type: "object",
    required: ["left", "right"],
    get properties() {
      reads += 1;
      const itself = { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] };
      const list = { type: "array", items: { $ref: "#/$defs/node" } };
      return { name: { type: "string" }, left: itself, right: itself, before: list, after: list };
    },
  };
  const fields = readFields({ $defs: { node }, required: ["tree"], properties: { tree: node } });
  expect(withInside(fields, {}).length).toBeLessThan(200);
  expect(findSlot(fields, {}, "video/mp4", null)).toBeNull();
  expect(reads).toBeLessThan(20_000);
});

test("a field may have the name of what every object has", () => {
  const fields = readFields({ properties: { constructor: { type: "string" } } });
  expect(toInput(fields, {}).input).toEqual({});
  const sent = { constructor: "Lee" };
  expect(toInput(fields, toDraft(fields, sent)).input).toEqual(sent);
});

test("an issue stands beside the nested field that its path names", () => {
  const draft = {
    ...toDraft(FIELDS, { shots: [{ prompt: "a" }, { prompt: "b" }], shape: { kind: "square" } }),
    "tree/name": "root",
  };
  const said = { problems: new Map(), sent: null, refused: [] };
  const paths = [
    "shots[1].prompt",
    "shots[0].pictures[1]",
    "shape.side",
    "shots",
    "tree.child.name",
    "camera.tilt",
  ];
  const checked = paths.map((path) => ({ path, message: "is wrong" }));
  const touched = new Set([...withInside(FIELDS, draft).map(({ path }) => path), "tree/child"]);
  const { beside } = findIssues(FIELDS, draft, touched, { ...said, checked });
  expect(Object.fromEntries(beside)).toEqual({
    "shots/1/prompt": "Prompt is wrong.",
    "shots/0/pictures": "Pictures[1] is wrong.",
    "shape/side": "Side is wrong.",
    shots: "Shots is wrong.",
    camera: "Camera.tilt is wrong.",
  });
  // What was refused goes with its item, wherever that is moved to.
  const moved = { ...draft, shots: toIdsText(["1", "0"]) };
  const refused = [{ path: "shots[1].prompt", message: "is wrong" }];
  const last = findIssues(FIELDS, moved, touched, { ...said, refused, checked: [], sent: draft });
  expect([...last.beside.keys()]).toEqual(["shots/1/prompt"]);
});

test("a file goes into the nested slot that was meant, or the first that is free", () => {
  const draft = toDraft(FIELDS, { shots: [{ prompt: "a", pictures: ["upload:upl_1"] }, {}] });
  const free = findSlot(FIELDS, draft, "image/png", null);
  expect(free).toEqual({ path: "shots/0/pictures", index: 1, label: "Shot 1, Pictures, 2" });
  const meant = findSlot(FIELDS, draft, "image/png", { path: "shots/1/pictures", index: 0 });
  if (meant === null) throw new Error("No slot was found.");
  const given = putInto(draft, meant, "https://example.com/b.png");
  expect(inputOf(given)).toEqual({
    shots: [
      { prompt: "a", pictures: ["upload:upl_1"] },
      { pictures: ["https://example.com/b.png"] },
    ],
  });
  expect(findFiles(FIELDS, inputOf(given))).toEqual(["upload:upl_1", "https://example.com/b.png"]);
  // Where all that is there is full, one more item takes it.
  const both = toDraft(FIELDS, { shots: [{ pictures: ["upload:upl_1", "upload:upl_2"] }] });
  const next = findSlot(FIELDS, both, "image/png", null);
  expect(next?.label).toBe("Shot 2, Pictures, 1");
  expect(inputOf(putInto(both, next ?? { path: "", index: 0 }, "upload:upl_3"))).toMatchObject({
    shots: [{}, { pictures: ["upload:upl_3"] }],
  });
  const full = { shots: [1, 2, 3].map(() => ({ pictures: ["upload:upl_1", "upload:upl_2"] })) };
  expect(findSlot(FIELDS, toDraft(FIELDS, full), "image/png", null, false)).toBeNull();
  const asset = { kind: "IMAGE" as const };
  expect(withFile(FIELDS, { tags: ["a"] }, asset, "upload:upl_2")).toEqual({
    ...{ tags: ["a"], shots: [{ pictures: ["upload:upl_2"] }] },
  });
  const reference = {
    properties: { reference: { type: "object", properties: { image: PICTURE } } },
  };
  expect(withFile(readFields(reference), {}, asset, "upload:upl_2")).toEqual({
    reference: { image: "upload:upl_2" },
  });
});

test("a text has several lines where its schema or its name says that it is long", () => {
  const text = { type: "string" };
  const properties = {
    ...{ lyrics: text, script: text, name: { ...text, title: "Prompt for the sky" }, style: text },
    ...{ roomy: { ...text, maxLength: 201 }, short: { ...text, maxLength: 200 } },
    prompts: { type: "array", items: text },
  };
  const fields = readFields({ properties, additionalProperties: false });
  const draft = { prompts: toIdsText(["0"]) };
  const long = withInside(fields, draft).filter(
    ({ widget }) => widget.kind === "text" && widget.isLong,
  );
  expect(long.map(({ path }) => path).toSorted()).toEqual([
    ...["lyrics", "name", "prompts/0", "roomy", "script"],
  ]);
});

test("every member of the sandbox's models has a form", () => {
  for (const { item } of models.models) {
    const schema = toJsonSchema(JSON.parse(JSON.stringify(item.input_schema)));
    const fields = readFields({ ...schema, additionalProperties: false });
    const all = fields.flatMap(function inside(field): readonly Field[] {
      const { widget } = field;
      const own = widget.kind === "list" ? [widget.item("0", 0)] : insideOf(field, {});
      return [field].concat(own.flatMap(inside));
    });
    expect(all.filter(({ widget }) => widget.kind === "json")).toEqual([]);
  }
});

describe("whatever a schema takes", () => {
  const anyName = fc.oneof(
    fc.constantFrom("a", "b", "prompt", "seed", "a/b", "~0", "a.b", "x y", "0"),
    fc.string({ minLength: 1, maxLength: 4 }).filter((name) => !(name in {})),
  );
  const anyText = fc.oneof(
    fc.string(),
    fc.constantFrom("", "file:1", "form:1", "json:1", "[", "a\nb"),
  );
  /** A schema, and what it takes; of each some that goes against a form. */
  type Case = { readonly schema: JsonObject; readonly value: fc.Arbitrary<unknown> };
  const { any } = fc.letrec<{ any: Case }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 4, depthIdentifier: "schema" },
      fc.constantFrom<Case>(
        { schema: { type: "string" }, value: anyText },
        { schema: { type: "string", format: "image_uri" }, value: anyText },
        { schema: { type: "array", items: PICTURE }, value: fc.array(anyText, { maxLength: 3 }) },
        { schema: { type: "integer" }, value: fc.integer() },
        {
          schema: { type: "number", default: 1 },
          value: fc.double({ noNaN: true, noDefaultInfinity: true }),
        },
        { schema: { type: "boolean" }, value: fc.boolean() },
        { schema: { type: ["string", "null"] }, value: fc.option(anyText) },
        { schema: { enum: ["a", 1, null] }, value: fc.constantFrom("a", 1, null) },
        { schema: { const: 7 }, value: fc.constant(7) },
        { schema: {}, value: fc.jsonValue() },
        {
          schema: { $ref: "#/$defs/node" },
          value: fc.constantFrom({}, { name: "a", child: { child: { name: "" } } }),
        },
      ),
      fc
        .array(fc.tuple(anyName, tie("any"), fc.boolean()), { maxLength: 4 })
        .map((members): Case => {
          const required = members.flatMap(([name, , isRequired]) => (isRequired ? [name] : []));
          const properties = Object.fromEntries(
            members.map(([name, { schema }]) => [name, schema]),
          );
          const values = Object.fromEntries(members.map(([name, { value }]) => [name, value]));
          return {
            schema: { type: "object", properties, required },
            value: fc.record(values, { requiredKeys: [...new Set(required)] }),
          };
        }),
      tie("any").map(({ schema, value }): Case => ({
        schema: { type: "array", items: schema },
        value: fc.array(value, { maxLength: 3 }),
      })),
      fc.tuple(tie("any"), tie("any")).map(([one, other]): Case => ({
        schema: { anyOf: [one.schema, other.schema] },
        value: fc.oneof(one.value, other.value),
      })),
    ),
  }));
  const anyCase = fc
    .array(fc.tuple(anyName, any), { minLength: 1, maxLength: 4 })
    .chain((members) => {
      const values = Object.fromEntries(members.map(([name, { value }]) => [name, value]));
      const properties = Object.fromEntries(members.map(([name, { schema }]) => [name, schema]));
      return fc.record({
        schema: fc.constant({ $defs: SCHEMA.$defs, properties }),
        input: fc.record(values, { requiredKeys: [] }),
      });
    });

  test("fills in its form and is submitted as it was, also by way of JSON", () => {
    fc.assert(
      fc.property(anyCase, ({ schema, input }) => {
        const known = readFields(schema);
        const draft = toDraft(known, input);
        const fields = withOthers(known, draft);
        const sent = toInput(fields, draft);
        expect(sent.problems).toEqual(new Map());
        // What is null or empty by default is what it is without.
        const meant = Object.entries(input).filter(([, value]) => value !== null);
        expect(JSON.parse(JSON.stringify(sent.input))).toEqual(
          JSON.parse(JSON.stringify(Object.fromEntries(meant))),
        );
        for (const field of known.filter(({ widget }) => /^(object|list)$/.test(widget.kind))) {
          const written = toJsonDraft(field, draft);
          if (typeof written === "string") throw new Error(written);
          expect(toInput(fields, written).input).toEqual(sent.input);
          const back = toFormDraft(field, written);
          if (typeof back !== "string") expect(toInput(fields, back).input).toEqual(sent.input);
        }
      }),
      { seed: 45, numRuns: 500 },
    );
  });
});
