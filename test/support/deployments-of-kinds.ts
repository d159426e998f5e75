import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { createTemporaryFolder } from "./temporary-folder.ts";

/** A deployment of each kind, all of which take a `prompt`. */
export const OF_KINDS = {
  lora: "a-lora",
  comfyui: "a-workflow",
  model: "blackforestlabs/flux-2.1/flash",
} as const;

/** Writes a deployments file with them, beside which every other LoRA's exists, and returns its path. */
export async function writeDeploymentsOfKinds(): Promise<string> {
  const path = join(await createTemporaryFolder(), "deployments.json");
  const inputs = {
    prompt: { node: "6", input: "text", required: true },
    seed: { node: "31", input: "seed", type: "integer" },
  };
  const deployments = [
    { id: OF_KINDS.lora, name: "A LoRA" },
    { id: OF_KINDS.comfyui, name: "A workflow", kind: "comfyui", inputs, outputs: ["9", "20"] },
    { id: OF_KINDS.model, name: "A model", kind: "model", price: { amount: 0.04, unit: "output" } },
  ];
  await writeFile(path, JSON.stringify({ deployments, others: true }));
  return path;
}
