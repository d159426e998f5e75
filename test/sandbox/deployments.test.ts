import { describe, expect, test } from "vitest";

import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { openSandbox } from "./open-sandbox.ts";

const PROMPT = { prompt: "A lantern" };
const openWith = (inputSchema: unknown) =>
  openSandbox({ deployments: [{ id: "own", name: "Own", inputSchema }] });

describe("a deployment with a schema of its own", () => {
  test("takes what the schema takes, and says where the rest is wrong", async () => {
    const scene = {
      type: "object",
      properties: { text: { type: "string" }, "a/b": { type: "boolean" } },
      additionalProperties: false,
    };
    const sandbox = await openWith({
      $schema: "http://json-schema.org/draft-07/schema#",
      definitions: { scene },
      type: "object",
      properties: {
        scenes: { type: "array", items: { $ref: "#/definitions/scene" } },
        when: { type: "string", format: "date-time" },
      },
      required: ["scenes"],
    });
    const right = { scenes: [{ text: "A lantern" }], when: "soon" };
    expect(await sandbox.refuse("own", right)).toEqual({});
    const scenes = [{}, { text: 1, "a/b": 1, more: 1 }, "x"];
    expect(await sandbox.refuse("own", { scenes })).toEqual({
      '["body","scenes",1,"text"]': "string_type",
      '["body","scenes",1,"a/b"]': "bool_type",
      '["body","scenes",1,"more"]': "extra_forbidden",
      '["body","scenes",2]': "dict_type",
    });
  });

  test("gives what a body leaves out its default", async () => {
    const sandbox = await openWith({
      properties: { width: { default: 640 }, height: { type: "integer" }, seed: true },
    });
    expect((await sandbox.run("own", PROMPT)).size).toEqual([640, 1_024]);
    expect((await sandbox.run("own", { ...PROMPT, width: 320 })).size).toEqual([320, 1_024]);
  });

  test("takes any JSON object where the schema is none that can be used", async () => {
    const schemas = [
      { type: "float" },
      { $ref: "http://127.0.0.1:9/schema.json" },
      { $ref: "#" },
      { properties: { prompt: { type: "string", pattern: "(" } } },
      [{ type: "string" }],
    ];
    const deployments = schemas.map((inputSchema, index) => ({ id: String(index), inputSchema }));
    const sandbox = await openSandbox({ deployments });
    for (const { id } of deployments) {
      expect(await sandbox.refuse(id, { ...PROMPT, width: "wide" })).toEqual({});
      expect(await sandbox.refuse(id, "[]")).toEqual({ '["body"]': "dict_type" });
    }
  });

  test("keeps to its schema beside another one of the same $id, and to one that is asynchronous", async () => {
    const closed = { type: "object", additionalProperties: false };
    const $id = "https://example.com/schema.json";
    const sandbox = await openSandbox({
      deployments: [
        { id: "one", inputSchema: { ...closed, $id, properties: { a: {} } } },
        { id: "two", inputSchema: { ...closed, $id, properties: { b: {} } } },
        { id: "later", inputSchema: { ...closed, $async: true } },
      ],
    });
    expect(await sandbox.refuse("one", { b: 1 })).toEqual({ '["body","b"]': "extra_forbidden" });
    expect(await sandbox.refuse("two", { a: 1 })).toEqual({ '["body","a"]': "extra_forbidden" });
    expect(await sandbox.refuse("later", { a: 1 })).toEqual({ '["body","a"]': "extra_forbidden" });
  });

  test("reports at most 100 problems of a body", async () => {
    const sandbox = await openWith({
      properties: { list: { type: "array", items: { type: "string" } } },
    });
    const list = Array.from({ length: 1_000 }, () => 1);
    expect(Object.keys(await sandbox.refuse("own", { list }))).toHaveLength(100);
  });
});

test.each([
  [`{"prompt":5,"width":"64","height":null,"seed":"x","num_frames":[],"fps":{}}`, 1_024, 1_024],
  [`{"width":1,"height":1e999,"sample_steps":-5,"num_frames":1e9,"fps":0}`, 64, 1_024],
  [`{"width":1e9,"height":100.5,"seed":1e300,"__proto__":1,"then":2}`, 4_096, 96],
])("a deployment without a schema runs %s and draws it", async (body, width, height) => {
  const sandbox = await openWith(undefined);
  const { addresses, size } = await sandbox.run("own", body);
  expect(size).toEqual([width, height]);
  expect(addresses).toHaveLength(body.includes("1e9,") && width === 64 ? 4 : 1);
});

test("an object may be as deep as it likes", async () => {
  const deployments = [{ id: "own" }, { id: "schema", inputSchema: { type: "object" } }];
  const sandbox = await openSandbox({ deployments });
  const body = `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  expect(await sandbox.refuse("own", body)).toEqual({});
  expect(await sandbox.refuse("schema", body)).toEqual({});
});

const FILM = { properties: { num_frames: { default: 41 } } };

test.each([
  ["videos", {}, { properties: { videos: {} } }],
  ["videos", {}, { properties: { video: {} } }],
  ["videos", FILM, { properties: { seed: {} } }],
  ["images", FILM, { properties: { images: {} } }],
  ["images", {}, { properties: null }],
  ["images", {}, "videos"],
])("gives %s for the schemas %j and %j", async (media, inputSchema, outputSchema) => {
  const sandbox = await openSandbox({ deployments: [{ id: "own", inputSchema, outputSchema }] });
  const drawn = await sandbox.run("own", { prompt: "Waves", width: 64, height: 64, fps: 16 });
  expect(drawn.media).toBe(media);
  // A video moves for as long as its frames last.
  const motion = `dur="${41 / 16}s" repeatCount="indefinite"`;
  expect(drawn.picture.includes(motion)).toBe(media === "videos");
});

test("odd entries don't hinder the others, which are listed in their order", async () => {
  const odd = [null, 5, "own", [], {}, { id: 5, name: "Five" }, { name: "No id" }];
  const sandbox = await openSandbox({
    deployments: [...odd, { id: "own", name: 5, model: [], description: {} }, { id: "a" }],
  });
  const { answer } = await sandbox.call("/prod/v2/deployments");
  expect(answer).toMatchObject([
    { id: "own", name: "own", is_enabled: true },
    { id: "a", name: "a" },
    { name: "Harbour Workflow" },
  ]);
  expect(await sandbox.refuse("own", PROMPT)).toEqual({});
});

test("a request whose deployment is gone after a restart is not found, and hinders no other", async () => {
  const dataFolder = await createTemporaryFolder();
  const before = await openSandbox({ deployments: [{ id: "gone" }, { id: "left" }], dataFolder });
  const lost = await before.accept("gone", {});
  const kept = await before.accept("left", {});
  await before.close();

  const after = await openSandbox({ deployments: [{ id: "left" }], dataFolder });
  const unknown = { error_code: 404_001 };
  expect(await after.poll(lost)).toMatchObject(unknown);
  expect(await after.poll({ ...lost, deployment: "left" })).toMatchObject(unknown);
  expect((await after.call(`/files/${lost.id}/0.svg`)).answer).toMatchObject(unknown);
  expect(await after.poll(kept)).toMatchObject({ status: "in_queue" });
});
