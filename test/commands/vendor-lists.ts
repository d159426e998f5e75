import { createServer } from "node:http";

import { createCatalogueClient } from "../../src/commands/catalogue-client.ts";
import type { JsonObject } from "../../src/engine/job/json.ts";
import { listen } from "../support/listen.ts";

/** A vendor that answers these paths, each with its query, and keeps who asked for what. */
export async function openVendorLists(answers: Map<string, JsonObject>) {
  const asked: { readonly path: string; readonly authorization: string }[] = [];
  let meanwhile = (): void => undefined;
  const server = createServer(({ url = "", headers }, response) => {
    asked.push({ path: url, authorization: headers.authorization ?? "" });
    meanwhile();
    meanwhile = () => undefined;
    const answer = answers.get(url);
    const status = answer === undefined ? 404 : answer === OUT_OF_ORDER ? 500 : 200;
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(answer ?? { error_code: 404001, error_message: "Nothing here." }));
  });
  const { origin } = await listen(server);
  const connect = (modelUrl: string | null = origin) =>
    createCatalogueClient({ baseUrl: origin, modelUrl, token: "secret" });
  const beforeNextAnswer = (act: () => void): void => void (meanwhile = act);
  return { origin, asked, beforeNextAnswer, connect, client: connect() };
}

/** In the place of an answer: the vendor fails. */
export const OUT_OF_ORDER: JsonObject = {};

export const FLUX_ID = "blackforestlabs/flux-2/flash/text-to-image";

/** As the vendor's catalogue has it. */
export const FLUX = {
  model_id: FLUX_ID,
  display_name: "FLUX.2 Flash",
  description: "Makes pictures from words.",
  categories: ["text-to-image"],
  kind: "model",
  base_price_usd: 0.012,
  price_unit: "output",
  pricing_note: "More above one megapixel.",
  input_schema: {
    type: "object",
    title: "Input schema",
    required: ["prompt"],
    properties: {
      prompt: { type: "string", default: "A lighthouse at dusk" },
      guidance_scale: { type: "float", minimum: 0, maximum: 20, default: 2.5 },
    },
  },
};

export const WORKFLOW_ID = "7a1e0c52-44d9-4b0f-9d3b-5f7a1c20e904";

/** As a deployment's payload has it: numbers of nodes in no order, and a subgraph's. */
export const GRAPH = {
  31: {
    class_type: "KSampler",
    inputs: {
      seed: 42,
      steps: 20,
      cfg: 7,
      sampler_name: "euler",
      model: ["4", 0],
      positive: ["40", 0],
      negative: ["7", 0],
      latent_image: ["5", 0],
    },
    _meta: { title: "KSampler" },
  },
  4: { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: "a.safetensors" } },
  40: { class_type: "ConditioningCombine", inputs: { conditioning_1: ["6", 0] } },
  6: {
    class_type: "CLIPTextEncode",
    inputs: { text: "a harbour", clip: ["4", 1] },
    _meta: { title: "What to show" },
  },
  7: { class_type: "CLIPTextEncode", inputs: { text: "blurry", clip: ["4", 1] } },
  5: { class_type: "EmptyLatentImage", inputs: { width: 768, height: 512, batch_size: 1 } },
  16: { class_type: "LoadImage", inputs: { image: "harbour.png" } },
  "38:42": { class_type: "LoadVideoUpload", inputs: { video: "in.mp4", frame_rate: 8 } },
  9: { class_type: "SaveImage", inputs: { filename_prefix: "ComfyUI", images: ["8", 0] } },
};

export const OBJECT_INFO = {
  KSampler: {
    input: {
      required: {
        model: ["MODEL"],
        // The largest is one that JSON's numbers can't say.
        seed: ["INT", { default: 0, min: 0, max: 2 ** 64 }],
        steps: ["INT", { default: 20, min: 1, max: 10000 }],
        cfg: ["FLOAT", { default: 8, min: 0, max: 100, step: 0.1 }],
        sampler_name: [["euler", "ddim"]],
      },
    },
  },
  CLIPTextEncode: { input: { required: { text: ["STRING", { multiline: true }] } } },
  EmptyLatentImage: {
    input: {
      required: {
        width: ["INT", { min: 16, max: 16384 }],
        height: ["INT", { min: 16, max: 16384 }],
      },
      optional: { batch_size: ["INT", { min: 1, max: 4096 }] },
    },
  },
  LoadImage: { input: { required: { image: [["harbour.png"], { image_upload: true }] } } },
  SaveImage: { input: { required: { filename_prefix: ["STRING", { default: "ComfyUI" }] } } },
};
