import type { InputIssue, Spelling } from "../job/input.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import { nearMisses } from "./near-misses.ts";
import type { ObjectShape } from "./shape/shape.ts";

/** A deployment as clients see it; null where nobody said. */
export type Deployment = {
  /** The vendor's id. */
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  /** The model whose built-in profile holds, as far as there is no schema. */
  readonly model: string | null;
  /** As it was given, or made of the model's profile. */
  readonly inputSchema: JsonObject | null;
  /** As it was given. */
  readonly outputSchema: JsonObject | null;
  readonly input: InputContract | null;
  readonly output: OutputContract | null;
};

/** What a deployment takes, as far as it is known. */
export type InputContract = {
  /** The generated mutation, e.g. `submitWarmGlow`. */
  readonly submitField: string;
  /** Null where GraphQL knows no field of it. */
  readonly shape: ObjectShape | null;
  /** What holds for each member that is left out, as the schema says, or else the model. It is never sent. */
  readonly defaults: JsonObject;
  readonly check: InputCheck;
};

/** What a deployment gives, as far as it is known. */
export type OutputContract = {
  readonly shape: ObjectShape;
  /** Whether an output is what was announced. */
  accepts(output: JsonValue): boolean;
};

/** Checks an input. Paths and names in messages are spelled as `spell` has it. */
export type InputCheck = (input: JsonObject, spell: Spelling) => CheckedInput;

type CheckedInput = {
  /** The input may be sent only if there are none. */
  readonly issues: readonly InputIssue[];
  /** What will happen to the input silently. */
  readonly warnings: readonly InputIssue[];
};

/** What the gateway was told of deployments. */
export type Catalogue = {
  /** In the order of their file. */
  readonly deployments: readonly Deployment[];
  /** Whether others exist too: every well-formed id is passed on upstream then. */
  readonly hasOthers: boolean;
  find(id: string): Deployment | null;
  /** The ids that somebody may have meant who named one that doesn't exist, or its name. */
  findNearMisses(id: string): string[];
};

/** A catalogue of deployments whose ids differ. */
export function createCatalogue(
  deployments: readonly Deployment[],
  { hasOthers = false }: { readonly hasOthers?: boolean } = {},
): Catalogue {
  const byId = new Map(deployments.map((deployment) => [deployment.id, deployment]));
  return {
    deployments,
    hasOthers,
    find: (id) => byId.get(id) ?? null,
    findNearMisses(id) {
      const words = new Map(deployments.map((deployment) => [deployment.name, deployment.id]));
      for (const known of byId.keys()) words.set(known, known);
      return [...new Set(nearMisses(id, words.keys()).map((word) => words.get(word) ?? word))];
    },
  };
}

/** What holds without a file: nothing is known of any deployment, and any may be used. */
export const OPEN_CATALOGUE = createCatalogue([], { hasOthers: true });

/** What is known of a deployment that is in no catalogue. */
export function toUnlisted(id: string): Deployment {
  return {
    id,
    name: id,
    description: null,
    model: null,
    inputSchema: null,
    outputSchema: null,
    input: null,
    output: null,
  };
}
