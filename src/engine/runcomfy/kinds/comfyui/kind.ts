import { isJsonObject } from "../../../job/json.ts";
import type { Kind } from "../kind.ts";
import { COMFYUI_ADAPTER } from "./adapter.ts";
import { toWorkflowEntry } from "./entry.ts";

/** Deployments of ComfyUI workflows. */
export const COMFYUI: Kind = {
  name: "comfyui",
  description: "A deployment of a ComfyUI workflow.",
  noun: "workflow",
  adapter: COMFYUI_ADAPTER,
  entry: toWorkflowEntry,
  seeds: null,
  foreign: null,
  // The vendor's tool reference shows a `workflow_id` for every workflow; whether a LoRA may have one is shown nowhere.
  mark: {
    isSeeming: ({ workflow_id: id }) => typeof id === "string" && id.trim() !== "",
    isShown: (payload) => isJsonObject(payload["workflow_api_json"]),
  },
  // Where a node's input is missing, a workflow runs as it was saved.
  verify: {
    option: "workflow",
    help: "a deployment of a ComfyUI workflow",
    usual: { overrides: {} },
  },
};
