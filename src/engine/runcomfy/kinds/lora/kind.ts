import type { Kind } from "../kind.ts";
import { LORA_ADAPTER } from "./adapter.ts";

/** Deployments of LoRAs. */
export const LORA: Kind = {
  name: "lora",
  description: "A deployment of a model with a LoRA.",
  noun: "LoRA",
  adapter: LORA_ADAPTER,
  entry: ({ form, id, text, jsonSchema }) =>
    form({
      id,
      members: { model: text.nullable().default(null), inputSchema: jsonSchema },
      read: (facts) => facts,
    }),
  // The API has a seed, whatever the model, and no maximum; this is as large as everything takes that takes seeds.
  seeds: { least: 0, most: 2 ** 31 - 1 },
  // What nobody listed as a workflow may be one, and these could run any of its nodes.
  foreign: {
    names: ["workflow_api_json", "overrides", "extra_data"],
    message:
      'belongs to a workflow; ask whoever runs this service to list the deployment with "kind": "comfyui"',
  },
  mark: null,
  verify: { option: "deployment", help: "a deployment of a LoRA", usual: { prompt: "" } },
};
