import type { Deployment } from "../deployments/catalogue.ts";
import type { JsonObject } from "../job/json.ts";
import { findKind } from "../runcomfy/kinds/find-kind.ts";
import { chance } from "../../runtime/environment.ts";

/**
 * The input with a number in the place of `seed: -1`, which means a random one: RunComfy doesn't report which it took, and
 * without it nobody could make the same picture again. The same input where `seed` may mean something else.
 */
export function drawSeed(input: JsonObject, deployment: Deployment): JsonObject {
  if (input["seed"] !== -1) return input;
  const range = findSeeds(deployment);
  if (range === null || range.least > range.most) return input;
  const seed = range.least + Math.floor(chance.random() * (range.most - range.least + 1));
  return { ...input, seed };
}

/** As large as everything takes that takes seeds. */
const MAX_SEED = 2 ** 31 - 1;

/** What a seed may be; null where that is not known. */
function findSeeds({ kind, input: contract }: Deployment) {
  if (contract === null) return findKind(kind).seeds;
  const field = contract.shape?.fields.find(({ name }) => name === "seed");
  const isNumber = field?.shape.kind === "scalar" && NUMBERS.has(field.shape.scalar);
  if (field === undefined || !isNumber || field.rules.some(isOther)) return null;
  const least = Math.max(0, Math.ceil(field.minimum ?? 0));
  return { least, most: Math.min(MAX_SEED, Math.floor(field.maximum ?? MAX_SEED)) };
}

const NUMBERS: ReadonlySet<string> = new Set(["Int", "SafeInt", "Float"]);

/** Whether not every whole number between the bounds will do. */
function isOther(rule: string): boolean {
  return /`(?:exclusiveMaximum|multipleOf)`/.test(rule);
}
