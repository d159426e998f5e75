import file from "./deployments.json" with { type: "json" };
import { createLoras } from "./lora.ts";
import { loadModels, type Model } from "./models.ts";
import type { Target } from "./target.ts";
import { loadWorkflow, toUnknownWorkflow } from "./workflow.ts";

export type Targets = {
  /** In the order of their file; the sandbox's own workflow is always there. */
  readonly deployments: ReadonlyMap<string, Target>;
  /** The sandbox's own are always there. */
  readonly models: ReadonlyMap<string, Model>;
};

/** What the sandbox runs: `entries` of a deployments file, those of `deployments.json` by default. Leaves out what has no id. */
export function loadTargets(entries: readonly unknown[] = file.deployments): Targets {
  const named = entries.filter((entry) => typeof readMember(entry, "id") === "string");
  const toLora = createLoras();
  const workflow = loadWorkflow();
  const deployments = named
    .filter((entry) => readMember(entry, "kind") !== "model")
    .map((entry) => {
      if (readMember(entry, "kind") !== "comfyui") return toLora(entry);
      return readMember(entry, "id") === workflow.id ? workflow : toUnknownWorkflow(entry);
    });
  return {
    deployments: new Map([...deployments, workflow].map((target) => [target.id, target])),
    models: loadModels(named.filter((entry) => readMember(entry, "kind") === "model")),
  };
}

function readMember(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;
}
