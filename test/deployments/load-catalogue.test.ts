import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { toUnlisted } from "../../src/engine/deployments/catalogue.ts";
import { loadCatalogue, readCatalogue } from "../../src/engine/deployments/load-catalogue.ts";
import type { EntryMembers } from "../../src/engine/runcomfy/kinds/kind.ts";
import { readPage } from "../support/pages.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

async function write(text: string): Promise<string> {
  const path = join(await createTemporaryFolder(), "deployments.json");
  await writeFile(path, text);
  return path;
}

async function load(file: object) {
  return await loadCatalogue(await write(JSON.stringify(file)), "runcomfy");
}

test("a catalogue keeps the order of its file and finds deployments by id", async () => {
  const schema = '{"type":"object","properties":{"__proto__":{"type":"string"}}}';
  const { catalogue } = await loadCatalogue(
    await write(
      `{"deployments":[{"id":"b","name":"B","description":"Makes b.","inputSchema":${schema},"isNew":1},{"id":"a","name":"A"}]}`,
    ),
    "runcomfy",
  );
  expect(catalogue.deployments.map(({ id }) => id)).toEqual(["b", "a"]);
  expect(catalogue.find("a")).toEqual({ ...toUnlisted("a"), name: "A" });
  expect(JSON.stringify(catalogue.find("b")?.inputSchema)).toBe(schema);
  expect(catalogue.find("B")).toBeNull();
  expect(catalogue.find("__proto__")).toBeNull();
});

test("one error lists every problem of a file with its location, schemas of well-formed entries included", async () => {
  const path = await write(
    JSON.stringify({
      deployments: [
        { id: "a", name: "Warm Glow", model: "flux3" },
        {
          id: "b",
          name: "warm-glow",
          inputSchema: { properties: { width: { type: "intger", minimum: {} } } },
        },
        { id: "", name: "", inputSchema: { type: "objct" } },
        { id: "e", name: "Job", inputSchema: { type: "object", properties: { a: {} } } },
        { id: "c", name: "C", inputSchema: { type: "string" } },
        { id: "d", name: "warm glow", outputSchema: { $ref: "https://example.com/schema.json" } },
        { id: "h", name: "H", model: "SDXL" },
        { id: "job_1", inputSchema: [] },
        "a",
        { id: "a", name: 5 },
        { id: "a", name: "B" },
        { id: "l", name: "jobs", inputSchema: { type: "object", properties: { a: {} } } },
      ],
    }),
  );
  const error: unknown = await loadCatalogue(path, "runcomfy").catch((thrown: unknown) => thrown);
  const [title, ...lines] = String(error).split("\n");
  expect(title).toContain(path);
  const expected = [
    /^0\]\.model: "flux3" .*did you mean .*flux2/,
    /^1\]\.inputSchema\.properties\.width\.type: .*did you mean "integer"/,
    /^1\]\.inputSchema\.properties\.width\.minimum: /,
    /^2\]\.id: /,
    /^2\]\.name: must not be empty/,
    /^3\]\.name: makes submitJob .*as the gateway does; rename it/,
    /^4\]\.inputSchema: allows no object/,
    /^5\]\.name: makes submitWarmGlow or WarmGlowOutput, as deployments\[1\] does/,
    /^5\]\.outputSchema.*nothing is ever fetched/,
    /^6\]\.model: .*; did you mean sdxl\?$/,
    /^7\]\.id: .*not start with job_/,
    /^7\]\.name: is missing; it is required$/,
    /^7\]\.inputSchema: /,
    /^8\]: must be an object/,
    /^9\]\.name: must be a string/,
    /^10\]\.id: "a" is listed twice/,
    /^11\]\.name: makes submitJobs .*as the gateway does; rename it/,
  ];
  expect(lines.map((line) => line.replace("  deployments[", ""))).toEqual(
    expected.map((line) => expect.stringMatching(line)),
  );
});

test("a file may say that there are others, and one that lists nothing else is a warning", async () => {
  const listing = await Promise.all(
    [{}, { others: false }, { others: true }].map((more) => load({ deployments: [], ...more })),
  );
  expect(listing.map(({ catalogue }) => catalogue.hasOthers)).toEqual([false, false, true]);
  const empty = ["deployments: is empty, so nothing can be run; list your deployments"];
  expect(listing.map(({ warnings }) => warnings)).toEqual([empty, empty, []]);
  const wrong = load({ deployments: [], others: "yes" });
  await expect(wrong).rejects.toThrow(/others: must be true, .* or false/);
});

test("what is probably a mistake is reported beside the catalogue", async () => {
  const { warnings } = await load({
    deployments: [
      { id: "e", name: "E", inputSchem: {}, tags: [] },
      { id: "h", name: "H", inputSchem: {}, inputSchema: { properties: { a: {} } } },
      { id: "i", name: "I", inputSchema: { prompt: "an example, not a schema" } },
      { id: "j", name: "J", inputSchema: { title: "wrapped", schema: { type: "object" } } },
      { id: "k", name: "K", inputSchema: { prompt: { type: "string" } } },
    ],
    other: true,
    $schema: "deployments.schema.json",
    version: 1,
  });
  expect(warnings).toEqual([
    "other: is not known; did you mean others?",
    "deployments[0].inputSchem: is not known; did you mean inputSchema?",
    "deployments[1].inputSchem: is not known; inputSchema is already there",
    ...[2, 3, 4].map((index) => expect.stringContaining(`[${index}].inputSchema: names no field`)),
  ]);
});

test("every file and entry that the docs show can be used", () => {
  const shown = readPage("docs/deployments.md").matchAll(/```json\n([^]*?)```/g);
  const files = Array.from(shown, ([, text = ""]) => JSON.parse(text));
  const deployments = files.flatMap((file) => file.deployments ?? [file]);
  expect(deployments.map(({ kind = "lora" }) => kind)).toEqual(["lora", "model", "comfyui"]);
  expect(readCatalogue({ deployments }, "runcomfy")).toMatchObject({ problems: [], warnings: [] });
});

test("what is missing names the word that was written instead", async () => {
  await expect(load({ deployments: [{ id: "a", nam: "A" }] })).rejects.toThrow(
    "deployments[0].name: is missing; you wrote nam",
  );
  await expect(load({ deployment: [] })).rejects.toThrow(
    "deployments: is missing; you wrote deployment",
  );
});

test("a schema goes before the profile of the model, whose name stays", async () => {
  const inputSchema = { properties: { width: { type: "integer" } } };
  const { catalogue } = await load({
    deployments: [
      { id: "a", name: "A", model: "flux", inputSchema },
      { id: "b", name: "B", model: "flux" },
    ],
  });
  const [a, b] = catalogue.deployments;
  expect(a).toMatchObject({ model: "flux", inputSchema });
  expect(b).toMatchObject({ model: "flux", inputSchema: { additionalProperties: false } });
});

test("an id that nobody knows has near misses among ids and names", async () => {
  const { catalogue } = await load({
    deployments: [
      { id: "6f1c-2a9e", name: "Warm Glow" },
      { id: "slow-tide", name: "Tide" },
    ],
  });
  expect(catalogue.findNearMisses("warm-glow")).toEqual(["6f1c-2a9e"]);
  expect(catalogue.findNearMisses("slow-tid")).toEqual(["slow-tide"]);
  expect(catalogue.findNearMisses("nothing like it")).toEqual([]);
});

test.each([
  ["{", "is not JSON"],
  ["[]", 'must be an object such as {"deployments"'],
  ['{"deployments":{}}', "must be a list of deployments"],
])("the file %s is refused with a sentence", async (text, sentence) => {
  await expect(loadCatalogue(await write(text), "runcomfy")).rejects.toThrow(sentence);
});

test("a file that can't be read is refused with a sentence that names it and the setting", async () => {
  const folder = await createTemporaryFolder();
  const directory = join(folder, "directory");
  await mkdir(directory);
  for (const path of [join(folder, "missing.json"), directory]) {
    await expect(loadCatalogue(path, "runcomfy")).rejects.toThrow(path);
    await expect(loadCatalogue(path, "runcomfy")).rejects.toThrow("DEPLOYMENTS_FILE");
  }
});

test("an entry says which of the vendor's APIs runs it, and what that costs", async () => {
  const price = { amount: 0.04, unit: "output", note: "By resolution." };
  const { catalogue, warnings } = await load({
    deployments: [
      { id: "a", name: "A", kind: null, inputs: null },
      { id: "w", name: "W", kind: "comfyui" },
      { id: "bfl/flux-2/text-to-image", name: "Flux", kind: "model", price },
      { id: "wan-ai/wan-3.0", name: "Wan", kind: "model", price: { amount: 0.1, unit: "second" } },
    ],
  });
  expect(catalogue.deployments.map((one) => [one.kind, one.price])).toEqual([
    ["lora", null],
    ["comfyui", null],
    ["model", price],
    ["model", { amount: 0.1, unit: "second", note: null }],
  ]);
  expect(warnings).toEqual([
    expect.stringContaining("deployments[1].inputs: names no input"),
    ...[2, 3].map((index) =>
      expect.stringContaining(`deployments[${index}].inputSchema: is missing`),
    ),
  ]);
  // RunComfy's list of deployments would refuse the id of a model.
  expect(catalogue.liveIds).toEqual(["a", "w"]);
});

test("what fits another kind only is a problem, and so is a price that says it is free", async () => {
  const listed = {
    deployments: [
      { id: "a/b", name: "A" },
      { id: "b", name: "B", kind: "model" },
      { id: "a/../b", name: "C", kind: "model" },
      { id: "d", name: "D", kind: "Model" },
      { id: "e", name: "E", kind: "comfyui", model: "flux" },
      { id: "f/f", name: "F", kind: "model", price: { amount: 0, unit: "" } },
      { id: "g/../g", name: "G" },
    ],
  };
  await expect(load(listed)).rejects.toThrow(
    new RegExp(
      [
        String.raw`\[0\]\.id: is a model's id; add "kind": "model" to its entry`,
        String.raw`\[1\]\.id: must be a model's id, such as`,
        String.raw`\[2\]\.id: must be a model's id`,
        String.raw`\[3\]\.kind: must be "lora", "comfyui" or "model"`,
        String.raw`\[4\]\.model: says nothing of the kind comfyui`,
        String.raw`\[5\]\.price\.amount: must be above 0; leave price out`,
        String.raw`\[5\]\.price\.unit: must say what is counted`,
        String.raw`\[6\]\.id: must be 1 to 128 letters`,
      ].join(String.raw`[^]*`),
    ),
  );
});

test("an entry of any kind says how many of its jobs there may be at once, and says nothing by default", async () => {
  const { catalogue, warnings } = await load({
    deployments: [
      { id: "a", name: "A", model: "flux", atOnce: 1 },
      { id: "w", name: "W", kind: "comfyui", inputs: { x: { node: "1", input: "x" } }, atOnce: 2 },
      { id: "b/c", name: "M", kind: "model", inputSchema: { required: ["x"] }, atOnce: 10_000 },
      { id: "n", name: "N", model: "flux", atOnce: null },
      { id: "d", name: "D", model: "flux" },
    ],
  });
  expect(catalogue.deployments.map(({ atOnce }) => atOnce)).toEqual([1, 2, 10_000, null, null]);
  expect(warnings.filter((warning) => warning.includes("atOnce"))).toEqual([]);
});

test.each([0, -1, 1.5, 10_001, "3", true, []])("atOnce can't be %j", (atOnce) => {
  const { problems } = readCatalogue({ deployments: [{ id: "a", name: "A", atOnce }] }, "runcomfy");
  expect(problems).toEqual([
    "deployments[0].atOnce: must be a whole number from 1 to 10000; leave it out where there is no limit",
  ]);
});

test("entries have the members that parts add, which may differ by kind", () => {
  const colour: EntryMembers = ({ z }, { name }) => ({
    colour: z.enum(["red", name], "must be a colour").nullable().default(null),
  });
  const deployments = [
    { id: "a", name: "A", model: "flux", colour: "red" },
    { id: "b/c", name: "M", kind: "model", inputSchema: { required: ["x"] }, colour: "model" },
    { id: "d", name: "D", model: "flux", colur: "red" },
  ];
  const { catalogue, problems, warnings } = readCatalogue({ deployments }, "runcomfy", [colour]);
  expect(problems).toEqual([]);
  expect(warnings).toEqual(["deployments[2].colur: is not known; did you mean colour?"]);
  const values = catalogue.deployments.map(({ ofParts }) => ofParts);
  expect(values).toEqual([{ colour: "red" }, { colour: "model" }, { colour: null }]);
  expect(toUnlisted("e").ofParts).toEqual({});
  const others = [{ id: "a", name: "A", colour: "model" }];
  expect(readCatalogue({ deployments: others }, "runcomfy", [colour]).problems).toEqual([
    "deployments[0].colour: must be a colour",
  ]);
});

test("what the sandbox has said is used with the sandbox alone", async () => {
  const path = await write(
    JSON.stringify({ deployments: [{ id: "a", name: "A", from: "sandbox" }] }),
  );
  expect((await loadCatalogue(path, "sandbox")).catalogue.find("a")).toMatchObject({ name: "A" });
  await expect(loadCatalogue(path, "runcomfy")).rejects.toThrow(
    /deployments\[0\]\.from: is the sandbox, so what the entry says is invented; replace it with: npm run --silent refresh -- --write$/,
  );
  const { problems } = readCatalogue(
    { deployments: [{ id: "a", name: "A", from: "Sandbox" }] },
    "runcomfy",
  );
  expect(problems).toEqual([expect.stringContaining('from: must be "sandbox"; leave it out')]);
});

test("a member that is not of its kind is a problem once, whatever it holds", async () => {
  const entry = { id: "a", name: "A", inputs: "none", outputs: [5, ""] };
  const { problems } = readCatalogue({ deployments: [entry] }, "runcomfy");
  expect(problems).toEqual(
    ["inputs", "outputs"].map(
      (member) =>
        `deployments[0].${member}: says nothing of the kind lora; leave it out, or correct kind`,
    ),
  );
});
