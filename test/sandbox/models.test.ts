import { expect, test } from "vitest";
import { z } from "zod";

import catalogue from "../../sandbox/src/models.json" with { type: "json" };
import { openSandbox, START } from "./open-sandbox.ts";

const FLASH = "blackforestlabs/flux-2/flash/text-to-image";
const EDIT = "google/nano-banana-2-lite/edit";
const FILM = "wan-ai/wan-3.0/image-to-video";
const SONG = "acestep-ai/ace-step-1.5/text-to-audio";
const STORYBOARD = "runcomfy/storyboard/text-to-video";
const LORA = "runcomfy/krea2-turbo";
const MINUTE_MS = 60_000;
const PICTURE = "https://example.com/in.png";

const ACCEPTED = z.looseObject({ request_id: z.string(), status_url: z.string() });
const RESULT = z.looseObject({ status: z.string(), output: z.unknown() });
const PAGE = z.object({ models: z.array(z.looseObject({ model_id: z.string() })) });

async function openModels() {
  const sandbox = await openSandbox();
  const submit = (model: string, body: unknown) => sandbox.call(`/v1/models/${model}`, body);
  const accept = async (model: string, body: unknown) =>
    ACCEPTED.parse((await submit(model, body)).answer).request_id;
  const poll = async (id: string, verb = "result") =>
    (await sandbox.call(`/v1/requests/${id}/${verb}`)).answer;
  return { ...sandbox, submit, accept, poll };
}

test("a model takes a request and answers as the documentation shows, and its status never says how it ended", async () => {
  const sandbox = await openModels();
  const { answer } = await sandbox.submit(FLASH, { prompt: "A red kite", seed: 7 });
  const { request_id: id } = ACCEPTED.parse(answer);
  const base = `${sandbox.url}/v1/requests/${id}`;
  const urls = { status_url: `${base}/status`, result_url: `${base}/result` };
  expect(answer).toEqual({ request_id: id, ...urls, cancel_url: `${base}/cancel` });
  const queued = { request_id: id, status: "in_queue", queue_position: 0, ...urls };
  expect(await sandbox.poll(id, "status")).toEqual(queued);
  const created = { created_at: "2026-01-02T03:04:05.678000" };
  expect(await sandbox.poll(id)).toEqual({ request_id: id, status: "in_queue", ...created });
  sandbox.clock.now = START + MINUTE_MS;
  const completed = { request_id: id, status: "completed", ...urls };
  expect(await sandbox.poll(id, "status")).toEqual(completed);
  expect(await sandbox.poll(id)).toMatchObject({
    status: "succeeded",
    output: { images: [`${sandbox.url}/files/${id}/0.png`] },
  });

  const failing = await sandbox.accept(FLASH, { prompt: "[fail]" });
  const stopped = await sandbox.accept(FLASH, { prompt: "[slow]" });
  const cancelled = await sandbox.call(`/v1/requests/${stopped}/cancel`, "");
  expect(cancelled).toEqual({
    status: 202,
    answer: { request_id: stopped, status: "completed", outcome: "cancelled" },
  });
  sandbox.clock.now += MINUTE_MS;
  expect(await sandbox.poll(failing, "status")).toMatchObject({ status: "completed" });
  expect(await sandbox.poll(failing)).toMatchObject({ status: "failed", error: /failure/ });
  expect(await sandbox.poll(stopped)).toMatchObject({ status: "cancelled" });
});

test("each model gives its own files in its own shape, and what a run cost if asked for it", async () => {
  const sandbox = await openModels();
  const bodies = new Map<string, object>([
    [FLASH, { prompt: "A kite", output_format: "webp", image_size: "portrait_16_9" }],
    [EDIT, { prompt: "Warmer", image_urls: [PICTURE] }],
    [FILM, { prompt: "Slow pan", image_url: PICTURE, duration: 3 }],
    [SONG, { tags: "piano", duration: 12.5 }],
    [STORYBOARD, { prompt: "A day", multi_prompt: [{ prompt: "Dawn", duration: "2" }] }],
    [LORA, { prompt: "A fox", loras: [{ path: "fox.safetensors" }], width: 512, height: 512 }],
  ]);
  const ids = new Map<string, string>();
  for (const [model, body] of bodies) ids.set(model, await sandbox.accept(model, body));
  sandbox.clock.now += 10 * MINUTE_MS;
  const results = new Map<string, z.infer<typeof RESULT>>();
  for (const [model, id] of ids) {
    expect(await sandbox.poll(id)).not.toHaveProperty("cost");
    results.set(model, RESULT.parse(await sandbox.poll(id, "result?include_cost=true")));
  }
  const at = (model: string, file: string) => `${sandbox.url}/files/${ids.get(model)}/${file}`;
  expect(new Map([...results].map(([model, { output, cost }]) => [model, [output, cost]]))).toEqual(
    new Map<string, unknown>([
      [FLASH, [{ images: [at(FLASH, "0.webp")] }, 0.01]],
      [EDIT, [{ image: at(EDIT, "0.webp") }, 0.04]],
      [FILM, [{ video: at(FILM, "0.webm") }, 0.24]],
      [SONG, [{ audios: [at(SONG, "0.wav"), at(SONG, "0.wav")] }, 0.0024]],
      [
        STORYBOARD,
        [
          {
            result: {
              main: { url: at(STORYBOARD, "0.webm") },
              shots: [
                { shot: 0, still: { url: at(STORYBOARD, "1.png") } },
                { shot: 1, still: { url: at(STORYBOARD, "2.webp") } },
              ],
            },
          },
          0.25,
        ],
      ],
      [LORA, [[at(LORA, "0.png")], 0.000786]],
    ]),
  );
});

test("a model refuses what its schema, in the vendor's dialect, does not take", async () => {
  const sandbox = await openModels();
  const wrong = {
    prompt: 1,
    multi_prompt: [{ duration: 3 }],
    elements: [{ strength: 2, image_urls: ["http://example.com/in.png"] }],
    duration: "30",
  };
  const { status, answer } = await sandbox.submit(STORYBOARD, wrong);
  const detail = z.array(z.object({ loc: z.array(z.unknown()), type: z.string() }));
  const problems = z.object({ detail }).parse(answer).detail;
  expect([status, problems.map(({ loc, type }) => [loc.join("."), type])]).toEqual([
    422,
    [
      ["body.prompt", "string_type"],
      ["body.multi_prompt.0.prompt", "missing"],
      ["body.multi_prompt.0.duration", "string_type"],
      ["body.multi_prompt.0.duration", "literal_error"],
      ["body.elements.0.image_urls.0", "url_scheme"],
      ["body.elements.0.strength", "less_than_equal"],
      ["body.duration", "literal_error"],
    ],
  ]);
  // It names a field as required that it does not have.
  expect((await sandbox.submit(EDIT, { prompt: "x", image_urls: [PICTURE] })).status).toBe(200);
});

test("the catalogue is searched, counted and paged, and has schemas where they are asked for", async () => {
  const sandbox = await openModels();
  const list = async (query: string) => {
    const { answer } = await sandbox.call(`/v1/models${query}`);
    return PAGE.parse(answer).models.map(({ model_id: id }) => id);
  };
  expect(await list("")).toEqual(catalogue.models.map(({ item }) => item.model_id));
  expect(await list("?search=flux+words")).toEqual([FLASH]);
  expect(await list("?category=text-to-video&kind=model")).toEqual([STORYBOARD]);
  expect(await list("?kind=inference")).toEqual([LORA]);
  const { answer } = await sandbox.call("/v1/models?limit=2&offset=1");
  expect(answer).toMatchObject({ total: 6, limit: 2, offset: 1 });
  const page = PAGE.parse(answer).models;
  expect(page.map((item) => [item.model_id, "input_schema" in item])).toEqual([
    [EDIT, false],
    [FILM, false],
  ]);
  expect((await sandbox.call("/v1/models?include_schema=true&limit=1")).answer).toMatchObject({
    models: [{ input_schema: { properties: { guidance_scale: { type: "float" } } } }],
  });
  expect((await sandbox.call(`/v1/models/${FLASH}`)).answer).toEqual(catalogue.models[0]?.item);
  expect((await sandbox.call("/v1/models/categories")).answer).toMatchObject({
    categories: expect.arrayContaining(["text-to-image", "text-to-audio"]),
  });
  expect((await sandbox.call("/prod/v2/balance")).answer).toMatchObject({ balance_usd: 25 });
});

test("the ids of one API mean nothing to the other, and each has its own codes", async () => {
  const sandbox = await openModels();
  const [deployment = ""] = [...(await listIds(sandbox))];
  const id = await sandbox.accept(FLASH, { prompt: "A kite" });
  const elsewhere = `/prod/v2/deployments/${deployment}/requests/${id}/status`;
  expect(await sandbox.call(elsewhere)).toMatchObject({ status: 404 });
  const lora = await sandbox.accept(LORA, { prompt: "A kite" });
  expect(await sandbox.poll(lora, "status")).toMatchObject({ status: "in_queue" });
  expect(await sandbox.poll("unknown")).toMatchObject({ error_code: 404_001 });
  expect(await sandbox.submit("no/model", {})).toMatchObject({
    status: 400,
    answer: { error_code: 400_001 },
  });
  const response = await fetch(`${sandbox.url}/v1/models`);
  expect([response.status, await response.json()]).toMatchObject([400, { error_code: 400_004 }]);
});

async function listIds({ call }: Awaited<ReturnType<typeof openModels>>) {
  const { answer } = await call("/prod/v2/deployments");
  return z
    .array(z.object({ id: z.string() }))
    .parse(answer)
    .map(({ id }) => id);
}

test("a model of a deployments file runs by the schema that it has there", async () => {
  const deployments = ["some/thing/text-to-video", "some/music", "some/picture"].map((id) => ({
    id,
    kind: "model",
    inputSchema: {
      type: "object",
      required: ["prompt"],
      properties: { prompt: { type: "string" } },
    },
  }));
  const sandbox = await openSandbox({ deployments });
  const outputs = [];
  for (const { id } of deployments) {
    expect((await sandbox.call(`/v1/models/${id}`, {})).status).toBe(422);
    const { answer } = await sandbox.call(`/v1/models/${id}`, { prompt: "A kite" });
    sandbox.clock.now += 10 * MINUTE_MS;
    const { request_id: request } = ACCEPTED.parse(answer);
    outputs.push(
      RESULT.parse((await sandbox.call(`/v1/requests/${request}/result`)).answer).output,
    );
  }
  expect(outputs).toMatchObject([
    { video: expect.stringMatching(/webm$/) },
    { audios: [expect.stringMatching(/wav$/)] },
    { images: [expect.stringMatching(/png$/)] },
  ]);
});
