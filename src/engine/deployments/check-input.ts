import type { Spelling } from "../job/input.ts";
import type { JsonObject } from "../job/json.ts";
import { findKind } from "../runcomfy/kinds/find-kind.ts";
import type { CheckedInput, Deployment } from "./catalogue.ts";

/** Checks an input as far as anything is known of what takes it. */
export function checkInput(
  { kind, input: contract }: Deployment,
  input: JsonObject,
  spell: Spelling,
): CheckedInput {
  const checked = contract?.check(input, spell) ?? NOTHING;
  const known = contract?.shape?.fields.map(({ name }) => name) ?? [];
  const { names, message } = findKind(kind).foreign ?? NOTHING_FOREIGN;
  const foreign = names.filter((name) => Object.hasOwn(input, name) && !known.includes(name));
  if (foreign.length === 0) return checked;
  const issues = foreign.map((name) => ({ path: spell([name]), message }));
  const taken = new Set(issues.map(({ path }) => path.join("/")));
  const others = checked.issues.filter(({ path }) => !taken.has(path.join("/")));
  return { issues: [...issues, ...others], warnings: [] };
}

const NOTHING: CheckedInput = { issues: [], warnings: [] };
const NOTHING_FOREIGN = { names: [], message: "" };
