import { describe, expect, test } from "vitest";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { measure, startWith } from "./start-with.ts";

describe("a deployment of which nothing is known", () => {
  test.each([
    ["{}", 1_024, 1_024],
    [`{"prompt":5,"width":"64","height":null,"seed":"x","num_frames":[],"fps":{}}`, 1_024, 1_024],
    [`{"width":1,"height":1e999,"sample_steps":-5,"num_frames":1e9,"fps":0}`, 64, 1_024],
    [`{"width":-1e300,"height":100.5,"seed":1e300,"__proto__":1,"then":2}`, 64, 96],
  ])("runs %s and draws it", async (body, width, height) => {
    const sandbox = await startWith([{ id: "own", name: "Own" }]);
    const { images = [] } = await sandbox.run("own", body);
    expect(await measure(images)).toEqual({ width, height });
  });

  test("draws no picture larger than 4096 pixels, and no more than four", async () => {
    const sandbox = await startWith([{ id: "own", name: "Own" }]);
    const { images = [] } = await sandbox.run("own", { width: 1e9, height: 64, num_frames: 1e9 });
    expect(images).toHaveLength(4);
    expect(await measure(images)).toEqual({ width: 4_096, height: 64 });
  });

  test("takes an object however deep it is", async () => {
    const sandbox = await startWith([
      { id: "own", name: "Own" },
      { id: "schema", name: "Schema", inputSchema: { type: "object" } },
    ]);
    const body = `{"a":${"[".repeat(400_000)}${"]".repeat(400_000)}}`;
    expect(await sandbox.refuse("own", body)).toEqual({});
    expect(await sandbox.refuse("schema", body)).toEqual({});
  });
});

test.each([
  ["videos", {}, { properties: { videos: {} } }],
  ["videos", {}, { properties: { video: {} } }],
  ["videos", { model: "ltx2" }, { properties: { seed: {} } }],
  ["images", { model: "ltx2" }, { properties: { images: {} } }],
  ["images", {}, { properties: null }],
  ["images", {}, "videos"],
])("gives %s for %j with the output schema %j", async (media, entry, outputSchema) => {
  const sandbox = await startWith([{ id: "own", name: "Own", ...entry, outputSchema }]);
  const body = { prompt: "Waves", width: 64, height: 64, fps: 16 };
  const output = await sandbox.run("own", body);
  const [address = ""] = output[media] ?? [];
  const response = await fetch(address);
  const moves = (await response.text()).includes("<animateTransform");
  expect({ keys: Object.keys(output), moves }).toEqual({
    keys: [media],
    moves: media === "videos",
  });
});

test("entries of all sorts don't hinder the others", async () => {
  const odd = [null, 5, "own", [], {}, { id: 5, name: "Five" }, { name: "No id" }];
  const sandbox = await startWith([...odd, { id: "own", name: 5, model: [], description: {} }]);
  const { answer } = await sandbox.call("/prod/v2/deployments");
  expect(answer).toMatchObject([{ id: "own", name: "own" }]);
  expect(await sandbox.refuse("own", { prompt: "A lantern" })).toEqual({});
});

test("the list shows them under their names, in their order", async () => {
  const sandbox = await startWith([
    { id: "b", name: "Bee", model: "chroma" },
    { id: "a", name: "Ant" },
  ]);
  const list = async (query: string) => (await sandbox.call(`/prod/v2/deployments${query}`)).answer;
  expect(await list("")).toMatchObject([
    { id: "b", name: "Bee", is_enabled: true },
    { id: "a", name: "Ant", is_enabled: true },
  ]);
  expect(await list("?ids=a")).toMatchObject([{ name: "Ant" }]);
});

test("a request whose deployment is gone after a restart is not found, and hinders no other", async () => {
  const dataFolder = await createTemporaryFolder();
  const gone = { id: "gone", name: "Gone" };
  const before = await startWith([gone, { id: "left", name: "Left" }], dataFolder);
  const lost = await before.accept("gone", {});
  const kept = await before.accept("left", {});
  await before.close();

  const after = await startWith([{ id: "left", name: "Left", model: "chroma" }], dataFolder);
  const poll = (id: string, request: string) =>
    after.call(`/prod/v1/deployments/${id}/requests/${request}/status`);
  const unknown = { status: 404, answer: { error_code: 404_001 } };
  expect(await poll("gone", lost)).toMatchObject(unknown);
  expect(await poll("left", lost)).toMatchObject(unknown);
  expect(await after.call(`/files/${lost}/0.svg`)).toMatchObject(unknown);
  expect(await poll("left", kept)).toMatchObject({ answer: { status: "in_queue" } });
  expect(await after.run("left", { prompt: "A lantern" })).toHaveProperty("images");
});
