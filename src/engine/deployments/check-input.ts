import type { Spelling } from "../job/input.ts";
import type { JsonObject } from "../job/json.ts";
import type { CheckedInput, Deployment } from "./catalogue.ts";

/**
 * Checks an input as far as anything is known of what takes it. No LoRA takes a field of a workflow, unless its schema has
 * one of that name: what nobody listed as a workflow may be one, and these fields could run any of its nodes.
 */
export function checkInput(
  { kind, input: contract }: Deployment,
  input: JsonObject,
  spell: Spelling,
): CheckedInput {
  const checked = contract?.check(input, spell) ?? NOTHING;
  const known = contract?.shape?.fields.map(({ name }) => name) ?? [];
  const foreign =
    kind === "lora"
      ? OF_WORKFLOWS.filter((name) => Object.hasOwn(input, name) && !known.includes(name))
      : [];
  if (foreign.length === 0) return checked;
  const issues = foreign.map((name) => ({ path: spell([name]), message: BELONGS_TO_A_WORKFLOW }));
  const taken = new Set(issues.map(({ path }) => path.join("/")));
  const others = checked.issues.filter(({ path }) => !taken.has(path.join("/")));
  return { issues: [...issues, ...others], warnings: [] };
}

const NOTHING: CheckedInput = { issues: [], warnings: [] };
const OF_WORKFLOWS = ["workflow_api_json", "overrides", "extra_data"];
const BELONGS_TO_A_WORKFLOW =
  'belongs to a workflow; ask whoever runs this service to list the deployment with "kind": "comfyui"';
