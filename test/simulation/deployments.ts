import { createCatalogue, toUnlisted } from "../../src/engine/deployments/catalogue.ts";
import type { JsonObject } from "../../src/engine/job/json.ts";
import type { JobKind } from "../../src/engine/job/kind.ts";

/** One of each kind, by the number that a plan has for it. */
export const DEPLOYMENTS: readonly { readonly id: string; readonly kind: JobKind }[] = [
  { id: "deployment-0", kind: "lora" },
  { id: "deployment-1", kind: "comfyui" },
  { id: "models/deployment-2.0/fast", kind: "model" },
];

/** The node of the workflow that takes the whole input. */
export const NODE = "6";

/** How many jobs of a deployment may be at RunComfy. */
export const AT_ONCE: ReadonlyMap<string, number> = new Map([["deployment-1", 2]]);

export const CATALOGUE = createCatalogue(
  DEPLOYMENTS.map(({ id, kind }) =>
    Object.assign(toUnlisted(id), { kind }, kind === "comfyui" && { toBody: toOverrides }, {
      atOnce: AT_ONCE.get(id) ?? null,
    }),
  ),
);

function toOverrides(inputs: JsonObject): JsonObject {
  return { overrides: { [NODE]: { inputs } } };
}
