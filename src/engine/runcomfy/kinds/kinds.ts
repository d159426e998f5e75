import { COMFYUI } from "./comfyui/kind.ts";
import type { Kind } from "./kind.ts";
import { LORA } from "./lora/kind.ts";
import { MODEL } from "./model/kind.ts";

/** Every kind of job, in the order of GraphQL's schema. The first is that of what nothing is known of. */
export const KINDS: readonly [Kind, ...Kind[]] = [LORA, COMFYUI, MODEL];
