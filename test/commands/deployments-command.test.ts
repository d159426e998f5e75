import { writeFileSync } from "node:fs";
import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { parse, validate } from "graphql";
import { expect, test } from "vitest";

import { runDeploymentsCommand } from "../../src/commands/deployments-command.ts";
import { loadCatalogue } from "../../src/engine/deployments/load-catalogue.ts";
import type { JsonObject } from "../../src/engine/job/json.ts";
import type { EntryMembers } from "../../src/engine/runcomfy/kinds/kind.ts";
import { createSchema } from "../../src/api/schema/create-schema.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import {
  FLUX,
  FLUX_ID,
  GRAPH,
  OBJECT_INFO,
  OUT_OF_ORDER,
  openVendorLists,
  WORKFLOW_ID,
} from "./vendor-lists.ts";

/** The commands with a file of their own, and a vendor that answers these paths. */
async function open(answers: Record<string, JsonObject> = {}) {
  const map = new Map(Object.entries(answers));
  const vendor = await openVendorLists(map);
  const file = join(await createTemporaryFolder(), "deployments.json");
  const setting = {
    ...{ deploymentsFile: file, client: vendor.client, isSandbox: false },
    entryMembers: [colour],
  };
  return {
    ...vendor,
    answers: map,
    file,
    run: (...words: readonly string[]) => runDeploymentsCommand(words, async () => setting),
    /** As without a token. */
    runWithSandbox: (...words: readonly string[]) =>
      runDeploymentsCommand(words, async () => ({ ...setting, isSandbox: true })),
    runWithoutModels: (...words: readonly string[]) =>
      runDeploymentsCommand(words, async () => ({ ...setting, client: vendor.connect(null) })),
    read: async (): Promise<unknown> => JSON.parse(await readFile(file, "utf8")),
  };
}

/** What a part adds to entries. */
const colour: EntryMembers = ({ text }) => ({ colour: text.nullable().default(null) });

const FLUX_PATH = `/v1/models/${FLUX_ID}`;
const WORKFLOW_PATH = `/prod/v2/deployments/${WORKFLOW_ID}?includes=payload`;

function workflow(objectInfoUrl: string, graph: JsonObject = GRAPH): JsonObject {
  const payload = { workflow_api_json: graph, overrides: {}, object_info_url: objectInfoUrl };
  return { id: WORKFLOW_ID, name: "Tin Robot", payload };
}

test("add writes a model with all that the catalogue says of it, and prints a mutation that runs it", async () => {
  const { run, read, file, asked } = await open({ [FLUX_PATH]: FLUX });
  const { result, remark } = await run("add", FLUX_ID);
  expect(await read()).toEqual({
    deployments: [
      {
        id: FLUX_ID,
        kind: "model",
        name: "FLUX.2 Flash",
        description: "Makes pictures from words.",
        price: { amount: 0.012, unit: "output", note: "More above one megapixel." },
        inputSchema: FLUX.input_schema,
      },
    ],
  });
  const { catalogue } = await loadCatalogue(file, "sandbox");
  expect(validate(createSchema(catalogue), parse(result ?? ""))).toEqual([]);
  expect(result).toContain("submitFlux2Flash(input: $input)");
  expect(remark).toContain(`Added ${FLUX_ID} to ${file}.`);
  expect(asked).toEqual([{ path: FLUX_PATH, authorization: "Bearer secret" }]);
});

test("add keeps what the file has, and a price that is odd is none", async () => {
  const odd = { ...FLUX, base_price_usd: 0, description: "" };
  const { run, file } = await open({ [FLUX_PATH]: odd });
  await writeFile(file, '{\n\t"others": true,\n\t"deployments": [{ "id": "a", "name": "A" }]\n}');
  const { remark } = await run("add", FLUX_ID, "--name", "Kite");
  expect(remark).toContain(`does not say what ${FLUX_ID} costs`);
  const entry = { id: FLUX_ID, kind: "model", name: "Kite", inputSchema: FLUX.input_schema };
  const next = { others: true, deployments: [{ id: "a", name: "A" }, entry] };
  expect(await readFile(file, "utf8")).toBe(`${JSON.stringify(next, null, "\t")}\n`);
});

test("add proposes what callers may set of a workflow, and lists the rest", async () => {
  const { run, read, file, asked, origin, answers } = await open({ "/info?v=1": OBJECT_INFO });
  answers.set(WORKFLOW_PATH, workflow(`${origin}/info?v=1`));
  const { result, remark } = await run("add", WORKFLOW_ID);
  const size = { type: "integer", minimum: 16, maximum: 16384 };
  const negative = { type: "string", default: "blurry" };
  const sampler = { node: "31" };
  expect(await read()).toEqual({
    deployments: [
      {
        id: WORKFLOW_ID,
        kind: "comfyui",
        name: "Tin Robot",
        inputs: {
          width: { node: "5", input: "width", ...size, default: 768 },
          height: { node: "5", input: "height", ...size, default: 512 },
          prompt: {
            node: "6",
            input: "text",
            required: true,
            type: "string",
            description: "What to show",
          },
          negative_prompt: { node: "7", input: "text", ...negative },
          image: { node: "16", input: "image", format: "image_uri" },
          seed: { ...sampler, input: "seed", type: "integer", minimum: 0, default: 42 },
          video: { node: "38:42", input: "video", format: "video_uri" },
        },
        others: {
          ckpt_name: {
            node: "4",
            input: "ckpt_name",
            type: "string",
            default: "a.safetensors",
          },
          batch_size: {
            node: "5",
            input: "batch_size",
            type: "integer",
            minimum: 1,
            maximum: 4096,
            default: 1,
          },
          filename_prefix: {
            node: "9",
            input: "filename_prefix",
            type: "string",
            default: "ComfyUI",
          },
          steps: {
            ...sampler,
            input: "steps",
            type: "integer",
            minimum: 1,
            maximum: 10000,
            default: 20,
          },
          cfg: { ...sampler, input: "cfg", type: "number", minimum: 0, maximum: 100, default: 7 },
          sampler_name: {
            ...sampler,
            input: "sampler_name",
            enum: ["euler", "ddim"],
            default: "euler",
          },
          frame_rate: { node: "38:42", input: "frame_rate", type: "number", default: 8 },
        },
      },
    ],
  });
  expect(remark).toContain('7 more values of the workflow are under "others"');
  const { catalogue } = await loadCatalogue(file, "sandbox");
  const fields = catalogue.find(WORKFLOW_ID)?.input?.shape?.fields.map(({ name }) => name);
  const files = ["image", "video"];
  expect(fields).toEqual(["prompt", "negative_prompt", ...files, "width", "height", "seed"]);
  expect(validate(createSchema(catalogue), parse(result ?? ""))).toEqual([]);
  expect(asked.map(({ authorization }) => authorization)).toEqual(Array(2).fill("Bearer secret"));
});

test("add takes a deployment for a LoRA whose payload has no workflow", async () => {
  const lora = { id: "glow", name: "Glow", workflow_id: "5c1d", payload: { overrides: {} } };
  const { run, read } = await open({ "/prod/v2/deployments/glow?includes=payload": lora });
  await run("add", "glow");
  expect(await read()).toEqual({ deployments: [{ id: "glow", name: "Glow" }] });
});

test("the token goes to no other host, whatever an answer names", async () => {
  const { run, answers, asked, read } = await open();
  const other = await openVendorLists(new Map([["/info", OBJECT_INFO]]));
  answers.set(WORKFLOW_PATH, workflow(`${other.origin}/info`));
  await run("add", WORKFLOW_ID);
  expect(asked).toHaveLength(1);
  expect(other.asked).toEqual([]);
  // Types are taken from what is saved.
  const seed = { node: "31", input: "seed", type: "number", default: 42 };
  expect(await read()).toMatchObject({ deployments: [{ inputs: { seed } }] });
});

test("refresh shows what has changed, and writes that only with --write", async () => {
  const { run, file, answers } = await open({ [FLUX_PATH]: FLUX });
  await run("add", FLUX_ID, "--name", "Kite");
  const turned = Object.fromEntries(Object.entries(FLUX.input_schema).toReversed());
  answers.set(FLUX_PATH, { ...FLUX, input_schema: turned });
  expect((await run("refresh")).remark).toBe("Nothing has changed.");
  const former = await readFile(file, "utf8");
  const properties = { ...FLUX.input_schema.properties, seed: { type: "integer" } };
  answers.set(FLUX_PATH, {
    ...FLUX,
    display_name: "FLUX.2 Flash (new)",
    base_price_usd: 0.015,
    input_schema: { ...FLUX.input_schema, properties },
  });
  const { result, remark } = await run("refresh");
  expect(await readFile(file, "utf8")).toBe(former);
  expect(remark).toContain("Nothing was written.");
  const lines = (result ?? "").split("\n");
  expect(lines[0]).toBe(`@@ ${FLUX_ID}`);
  expect(lines.filter((line) => /^[+-]/.test(line)).map((line) => line.trim())).toEqual([
    '-     "amount": 0.012,',
    '+     "amount": 0.015,',
    "+       },",
    '+       "seed": {',
    '+         "type": "integer"',
  ]);
  const written = await run("refresh", "--write");
  expect(written.result).toBe(result);
  // A catalogue that says nothing takes nothing away but a price, which it may not mean any more.
  answers.set(FLUX_PATH, { model_id: FLUX_ID });
  const { result: less } = await run("refresh", FLUX_ID);
  expect(less).toContain('-     "amount": 0.015,');
  expect(less).not.toMatch(/^- .*inputSchema/m);
  expect((await run("refresh", "another")).remark).toBe("Nothing has changed.");
  const [kite] = (await loadCatalogue(file, "sandbox")).catalogue.deployments;
  expect(kite).toMatchObject({ name: "Kite", price: { amount: 0.015 } });
  expect(kite?.input?.shape?.fields.map(({ name }) => name)).toContain("seed");
});

test("refresh says which entries have lost what they name, and leaves them", async () => {
  const { run, file, answers, origin } = await open({ [FLUX_PATH]: FLUX, "/info": OBJECT_INFO });
  answers.set(WORKFLOW_PATH, workflow(`${origin}/info`));
  await run("add", FLUX_ID);
  await run("add", WORKFLOW_ID);
  const former = await readFile(file, "utf8");
  answers.delete(FLUX_PATH);
  const { 6: _, ...rest } = GRAPH;
  answers.set(WORKFLOW_PATH, workflow(`${origin}/info`, rest));
  const { result, remark } = await run("refresh", "--write");
  expect(result).toBeNull();
  expect(remark).toContain(`"${FLUX_ID}": RunComfy has no such model.`);
  expect(remark).toContain(`${WORKFLOW_ID}: its workflow has no longer what the input prompt sets`);
  expect(await readFile(file, "utf8")).toBe(former);
});

test("refresh renews what it can, and says of which entries RunComfy could not be asked", async () => {
  const other = { ...FLUX, model_id: "a/b" };
  const { run, read, answers } = await open({ [FLUX_PATH]: FLUX, "/v1/models/a/b": other });
  await run("add", FLUX_ID);
  await run("add", "a/b", "--name", "Other");
  answers.set(FLUX_PATH, OUT_OF_ORDER);
  answers.set("/v1/models/a/b", { ...other, base_price_usd: 0.02 });
  const { remark } = await run("refresh", "--write");
  expect(remark).toContain(`${FLUX_ID} stays as it is. RunComfy's answer to the list was HTTP 500`);
  expect(await read()).toMatchObject({
    deployments: [{ price: { amount: 0.012 } }, { price: { amount: 0.02 } }],
  });
});

test("add loses nothing that somebody else has written meanwhile, and leaves a file's mode as it is", async () => {
  const { run, file, beforeNextAnswer } = await open({ [FLUX_PATH]: FLUX });
  const others = '{"deployments":[{"id":"a","name":"A"}]}';
  beforeNextAnswer(() => writeFileSync(file, others));
  await expect(run("add", FLUX_ID)).rejects.toThrow("has changed meanwhile");
  expect(await readFile(file, "utf8")).toBe(others);
  await writeFile(`${file}-new`, "half", { mode: 0o666 });
  await chmod(file, 0o600);
  await run("add", FLUX_ID);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await expect(readFile(`${file}-new`)).rejects.toThrow("ENOENT");
});

test("what the sandbox says is marked, and refresh replaces it by what RunComfy says", async () => {
  const named = { ...FLUX, display_name: "Sandbox Flux", pricing_note: null };
  const invented = { ...named, base_price_usd: 9, input_schema: { type: "object" } };
  const { run, runWithSandbox, read, answers } = await open({ [FLUX_PATH]: invented });
  await runWithSandbox("add", FLUX_ID);
  const entry = {
    ...{ id: FLUX_ID, kind: "model", name: "Sandbox Flux" },
    ...{ description: FLUX.description, price: { amount: 9, unit: "output" } },
    inputSchema: { type: "object" },
  };
  expect(await read()).toEqual({ deployments: [{ ...entry, from: "sandbox" }] });
  // The sandbox may have other words now.
  answers.set(FLUX_PATH, { ...invented, base_price_usd: 8 });
  await runWithSandbox("refresh", "--write");
  const price = { amount: 8, unit: "output" };
  expect(await read()).toEqual({ deployments: [{ ...entry, price, from: "sandbox" }] });

  answers.set(FLUX_PATH, { ...FLUX, base_price_usd: null });
  const { result, remark } = await run("refresh");
  expect(result).toMatch(/^- .*"from": "sandbox"/m);
  expect(remark).toContain(`does not say what ${FLUX_ID} costs`);
  await run("refresh", "--write");
  const { price: _, ...rest } = entry;
  const renewed = { ...rest, inputSchema: FLUX.input_schema };
  expect(await read()).toEqual({ deployments: [renewed] });

  // And not the other way round.
  answers.set(FLUX_PATH, invented);
  const { result: none, remark: why } = await runWithSandbox("refresh", "--write");
  expect(none).toBeNull();
  expect(why).toContain("stay as they are, since the sandbox was asked. Set RUNCOMFY_API_TOKEN");
  expect(await read()).toEqual({ deployments: [renewed] });
});

test("refresh replaces a workflow of the sandbox whole, but for what is the operator's, and says which RunComfy does not have", async () => {
  const { run, file, read, answers, origin } = await open({ "/info": OBJECT_INFO });
  const lora = { id: "a-lora", name: "Glow", from: "sandbox" };
  const own = { id: WORKFLOW_ID, kind: "comfyui", name: "My Robot", outputs: ["9"], atOnce: 3 };
  const others = { inputs: { fog: { node: "77", input: "fog" } }, others: { x: 1 } };
  const deployments = [{ ...own, ...others, from: "sandbox" }, lora];
  await writeFile(file, JSON.stringify({ deployments }));
  answers.set(WORKFLOW_PATH, workflow(`${origin}/info`));
  const { remark } = await run("refresh", "--write");
  expect(remark).toMatch(/"a-lora": RunComfy knows no such.* Or take it out of the file/);
  expect(await read()).toEqual({
    deployments: [
      {
        ...own,
        inputs: expect.objectContaining({ prompt: expect.objectContaining({ node: "6" }) }),
        others: expect.objectContaining({ steps: expect.anything() }),
      },
      lora,
    ],
  });
});

test("search lists models with their prices", async () => {
  const second = { ...FLUX, model_id: "a/b", display_name: "B", base_price_usd: null };
  const path = "/v1/models?search=flux+flash&limit=100";
  const { run } = await open({ [path]: { models: [FLUX, second, {}], total: 130 } });
  const { result, remark } = await run("search", "flux", "flash");
  expect(result?.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
    [FLUX_ID, "$0.012 per output", "FLUX.2 Flash"],
    ["a/b", "price unknown", "B"],
  ]);
  expect(remark).toContain("128 more are not shown");
});

test("what the sandbox does not have is not said of RunComfy", async () => {
  const { runWithSandbox } = await open({
    "/v1/models?search=unheard&limit=100": { models: [], total: 0 },
  });
  await expect(runWithSandbox("add", "no/model")).rejects.toThrow(
    /^"no\/model": The sandbox has no such model\. Find one with: /,
  );
  await expect(runWithSandbox("add", WORKFLOW_ID)).rejects.toThrow(
    `"${WORKFLOW_ID}": The sandbox knows no such deployment. To ask RunComfy, set RUNCOMFY_API_TOKEN and leave out UPSTREAM.`,
  );
  const { remark } = await runWithSandbox("search", "unheard");
  expect(remark).toBe("The sandbox's catalogue has no such model. Try other words.");
});

test("what can't be done is reported with what to do instead, and nothing is written", async () => {
  const { run, runWithoutModels, file, answers } = await open({ [FLUX_PATH]: FLUX });
  await expect(run("add", "no/such/model")).rejects.toThrow(/no such model\. Find one with: /);
  await expect(run("add", WORKFLOW_ID)).rejects.toThrow("knows no such deployment");
  answers.set(WORKFLOW_PATH, { id: WORKFLOW_ID, name: "Robot", workflow_id: "5c1d" });
  await expect(run("add", WORKFLOW_ID)).rejects.toThrow("runs a workflow, which RunComfy does not");
  await expect(run("add", "../../x")).rejects.toThrow(/"\.\.\/\.\.\/x": RunComfy/);
  await expect(run("add")).rejects.toThrow(/Say the id of one to add\.\nUse it like this:/);
  await expect(run("add", FLUX_ID, "--nam", "x")).rejects.toThrow(/--nam'[^]*Use it like this:/);
  await expect(runWithoutModels("add", FLUX_ID)).rejects.toThrow("Set RUNCOMFY_MODEL_URL");
  await expect(readFile(file)).rejects.toThrow("ENOENT");
  expect((await run("add", "--help")).remark).toContain("--deployments my.json");

  await run("add", FLUX_ID);
  await expect(run("add", FLUX_ID)).rejects.toThrow(`${file} has ${FLUX_ID} already.`);
  const taken = { deployments: [{ id: "a", name: "Flux 2 flash", model: "flux" }] };
  await writeFile(file, JSON.stringify(taken));
  await expect(run("add", FLUX_ID)).rejects.toThrow(/stays as it is[^]*makes submitFlux2Flash/);
  expect(await readFile(file, "utf8")).toBe(JSON.stringify(taken));
  await writeFile(file, "{");
  await expect(run("add", FLUX_ID)).rejects.toThrow("is not JSON");
});

test("members of parts stay in their entries, whatever is added, renewed or replaced, and are checked and suggested as others are", async () => {
  const { run, file, read, answers } = await open({ [FLUX_PATH]: FLUX });
  const own = { id: "own", name: "Own", colour: "red" };
  await writeFile(file, JSON.stringify({ deployments: [own] }));
  await run("add", FLUX_ID);
  const { deployments } = Object(await read());
  const entries = [own, { ...deployments[1], colour: "blue", from: "sandbox" }];
  await writeFile(file, JSON.stringify({ deployments: entries }));
  await run("refresh", "--write");
  expect(await read()).toMatchObject({ deployments: [own, { id: FLUX_ID, colour: "blue" }] });
  answers.set(FLUX_PATH, { ...FLUX, base_price_usd: 0.5 });
  await run("refresh", "--write");
  const price = { amount: 0.5 };
  expect(await read()).toMatchObject({ deployments: [own, { colour: "blue", price }] });

  await writeFile(file, JSON.stringify({ deployments: [{ ...own, colour: 5 }] }));
  await expect(run("add", FLUX_ID)).rejects.toThrow("deployments[0].colour: must be a string");
  await writeFile(file, JSON.stringify({ deployments: [{ id: "own", name: "Own", color: "" }] }));
  const { remark } = await run("add", FLUX_ID);
  expect(remark).toContain("deployments[0].color: is not known; did you mean colour?");
});
