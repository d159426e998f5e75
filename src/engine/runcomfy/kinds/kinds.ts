import type { JobKind } from "../../job/kind.ts";
import type { Adapter } from "../adapter.ts";
import { COMFYUI } from "./comfyui.ts";
import { LORA } from "./lora.ts";
import { MODEL } from "./model.ts";

/** Who speaks of jobs of each kind. */
export const ADAPTERS: Readonly<Record<JobKind, Adapter>> = {
  lora: LORA,
  comfyui: COMFYUI,
  model: MODEL,
};
