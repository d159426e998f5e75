import { describe, expect, test } from "vitest";
import { measure, startWith } from "./start-with.ts";

describe("a deployment with a schema of its own", () => {
  test("takes what the schema takes, and tells where the rest is wrong", async () => {
    const scene = {
      type: "object",
      properties: { text: { type: "string" }, "a/b": { type: "boolean" } },
      additionalProperties: false,
    };
    const inputSchema = {
      $schema: "http://json-schema.org/draft-07/schema#",
      definitions: { scene },
      type: "object",
      properties: {
        scenes: { type: "array", items: { $ref: "#/definitions/scene" } },
        when: { type: "string", format: "date-time" },
      },
      required: ["scenes"],
    };
    const sandbox = await startWith([{ id: "own", name: "Own", inputSchema }]);
    expect(await sandbox.refuse("own", { scenes: [{ text: "A lantern" }], when: "soon" })).toEqual(
      {},
    );
    expect(await sandbox.refuse("own", [])).toEqual({ '["body"]': "dict_type" });
    const scenes = [{}, { text: 1, "a/b": 1, more: 1 }, "x"];
    expect(await sandbox.refuse("own", { scenes })).toEqual({
      '["body","scenes",1,"text"]': "string_type",
      '["body","scenes",1,"a/b"]': "bool_type",
      '["body","scenes",1,"more"]': "extra_forbidden",
      '["body","scenes",2]': "dict_type",
    });
  });

  test("may be one that refers to the whole of itself", async () => {
    const inputSchema = {
      $defs: { list: { type: "array", items: { $ref: "#" } } },
      properties: { left: { $ref: "#" }, all: { $ref: "#/$defs/list" }, size: { type: "integer" } },
    };
    const sandbox = await startWith([{ id: "own", name: "Own", inputSchema }]);
    expect(await sandbox.refuse("own", { left: { left: { size: 1 } }, all: [{}] })).toEqual({});
    expect(await sandbox.refuse("own", { left: { left: { size: "x" } } })).toEqual({
      '["body","left","left","size"]': "int_type",
    });
    expect(await sandbox.refuse("own", { all: [{ all: [{ size: "x" }] }] })).toEqual({
      '["body","all",0,"all",0,"size"]': "int_type",
    });
  });

  test("beats the model", async () => {
    const inputSchema = { type: "object", properties: { words: { type: "string" } } };
    const sandbox = await startWith([
      { id: "own", name: "Own", model: "flux_kontext", inputSchema },
    ]);
    expect(await sandbox.refuse("own", { words: "A lantern" })).toEqual({});
    expect(await sandbox.refuse("own", { words: 1 })).toEqual({
      '["body","words"]': "string_type",
    });
  });

  test("gives what a body leaves out its default", async () => {
    const inputSchema = {
      properties: { width: { default: 640 }, height: { type: "integer" }, seed: true },
    };
    const sandbox = await startWith([{ id: "own", name: "Own", inputSchema }]);
    const usual = await sandbox.run("own", { prompt: "A lantern" });
    expect(await measure(usual["images"] ?? [])).toEqual({ width: 640, height: 1_024 });
    const given = await sandbox.run("own", { prompt: "A lantern", width: 320 });
    expect(await measure(given["images"] ?? [])).toEqual({ width: 320, height: 1_024 });
  });

  test.each([
    ["is no JSON Schema", { type: "float" }],
    ["refers to a place that isn't there", { $ref: "#/$defs/missing" }],
    ["refers to another server", { $ref: "http://127.0.0.1:9/schema.json" }],
    ["refers to itself", { $ref: "#" }],
    ["has a pattern that is none", { properties: { prompt: { type: "string", pattern: "(" } } }],
    ["is a list", [{ type: "string" }]],
    ["is a sentence", "any object"],
  ])("takes any JSON object where the schema %s", async (_title, inputSchema) => {
    const sandbox = await startWith([{ id: "odd", name: "Odd", inputSchema }]);
    expect(await sandbox.refuse("odd", { prompt: "A lantern", width: "wide" })).toEqual({});
    expect(await sandbox.refuse("odd", "[]")).toEqual({ '["body"]': "dict_type" });
  });

  test("keeps to its schema beside another one of the same $id, and to one that is asynchronous", async () => {
    const id = "https://example.com/schema.json";
    const closed = { type: "object", additionalProperties: false };
    const sandbox = await startWith([
      { id: "one", name: "One", inputSchema: { ...closed, $id: id, properties: { a: {} } } },
      { id: "two", name: "Two", inputSchema: { ...closed, $id: id, properties: { b: {} } } },
      { id: "later", name: "Later", inputSchema: { ...closed, $async: true } },
    ]);
    expect(await sandbox.refuse("one", { b: 1 })).toEqual({ '["body","b"]': "extra_forbidden" });
    expect(await sandbox.refuse("two", { a: 1 })).toEqual({ '["body","a"]': "extra_forbidden" });
    expect(await sandbox.refuse("later", { a: 1 })).toEqual({ '["body","a"]': "extra_forbidden" });
  });

  test("tells at most 100 problems of a body", async () => {
    const inputSchema = { properties: { list: { type: "array", items: { type: "string" } } } };
    const sandbox = await startWith([{ id: "own", name: "Own", inputSchema }]);
    const list = Array.from({ length: 200_000 }, () => 1);
    expect(Object.keys(await sandbox.refuse("own", { list }))).toHaveLength(100);
  });
});
