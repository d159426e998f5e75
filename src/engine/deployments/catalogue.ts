import type { InputIssue, Spelling } from "../job/input.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import type { JobKind } from "../job/kind.ts";
import { DEFAULT_KIND, findAdapter } from "../runcomfy/kinds/find-kind.ts";
import { nearMisses } from "./near-misses.ts";

/** A deployment as clients see it; null where nobody said. */
export type Deployment = {
  /** The vendor's id. */
  readonly id: string;
  /** Which of the vendor's APIs runs it. */
  readonly kind: JobKind;
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
  /** What a run costs at least, as the vendor's catalogue says. */
  readonly price: Price | null;
  /** How many of its jobs RunComfy is to have at a time; HELD jobs wait for that, and direct submits don't. */
  readonly atOnce: number | null;
  /** The values of the members that parts add to entries, by their names; none where there is no entry. */
  readonly ofParts: Readonly<Record<string, unknown>>;
  /** Whether the sandbox has said all this. */
  readonly isInvented: boolean;
  /** The parts of an output whose files are the result; null is all. */
  readonly outputs: readonly string[] | null;
  /** What is POSTed for an input, in which uploads have become URLs. */
  readonly toBody: (input: JsonObject) => JsonObject;
};

/** A base in USD, not a quote. */
export type Price = {
  readonly amount: number;
  /** The vendor's word for what is counted, e.g. `output` or `second`. */
  readonly unit: string;
  readonly note: string | null;
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

/** What a check says of an input. */
export type CheckedInput = {
  /** The input may be sent only if there are none. */
  readonly issues: readonly InputIssue[];
  /** What will happen to the input silently. */
  readonly warnings: readonly InputIssue[];
};

/** What the gateway knows of deployments. */
export type Catalogue = {
  /** In the order of their file. */
  readonly deployments: readonly Deployment[];
  /** Whether others exist too: every well-formed id is passed on upstream then. */
  readonly hasOthers: boolean;
  /** Those that may be on RunComfy's list of deployments; models have another list. */
  readonly liveIds: readonly string[] | "all";
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
    liveIds: hasOthers ? "all" : deployments.filter(isListed).map(({ id }) => id),
    find: (id) => byId.get(id) ?? null,
    findNearMisses(id) {
      const words = new Map(deployments.map((deployment) => [deployment.name, deployment.id]));
      for (const known of byId.keys()) words.set(known, known);
      return [...new Set(nearMisses(id, words.keys()).map((word) => words.get(word) ?? word))];
    },
  };
}

function isListed({ kind }: Deployment): boolean {
  return findAdapter(kind).service === "deployments";
}

/** What holds without a file: nothing is known of any deployment, and any may be used. */
export const OPEN_CATALOGUE = createCatalogue([], { hasOthers: true });

/** The body of a POST is the input itself, unless its kind says otherwise. */
export function toSameBody(input: JsonObject): JsonObject {
  return input;
}

/** What is known of a deployment that is in no catalogue. */
export function toUnlisted(id: string): Deployment {
  return {
    id,
    kind: DEFAULT_KIND.name,
    name: id,
    description: null,
    model: null,
    inputSchema: null,
    outputSchema: null,
    input: null,
    output: null,
    price: null,
    atOnce: null,
    ofParts: {},
    isInvented: false,
    outputs: null,
    toBody: toSameBody,
  };
}

/** Whether what is in no catalogue runs, where the upstream lists it as of this kind. */
export function runsUnlisted(listedKind: JobKind): boolean {
  return listedKind === DEFAULT_KIND.name;
}

/** What GraphQL can say of the values that a JSON Schema allows; where it can't, the scalar JSON. */
export type Shape = ValueShape & {
  /** Whether null is a value that the schema allows. */
  readonly isNullable: boolean;
};

/** The same of values but null. */
export type ValueShape =
  | { readonly kind: "scalar"; readonly scalar: ScalarName }
  | { readonly kind: "enum"; readonly enumeration: EnumShape }
  | { readonly kind: "list"; readonly item: Shape }
  | { readonly kind: "object"; readonly object: ObjectShape };

export type ScalarName = "String" | "Int" | "SafeInt" | "Float" | "Boolean" | "JSON";

export type EnumShape = {
  /** Unique in the whole GraphQL schema. */
  readonly typeName: string;
  /** In the schema's words; null where it has none. */
  readonly description: string | null;
  readonly values: readonly { readonly graphqlName: string; readonly value: string | number }[];
};

export type ObjectShape = {
  /** Unique in the whole GraphQL schema. */
  readonly typeName: string;
  /** In the schema's words; null where it has none. */
  readonly description: string | null;
  /** At least one, in the schema's order, and each `graphqlName` once. */
  readonly fields: readonly FieldShape[];
  /** Whether the schema says that there may be other members, which no field can hold. */
  readonly isOpen: boolean;
};

export type FieldShape = {
  /** The upstream's own. */
  readonly name: string;
  readonly graphqlName: string;
  readonly shape: Shape;
  /** Whether it may not be left out. It may be null all the same. */
  readonly isRequired: boolean;
  /** What the schema says holds when it is left out; undefined where it says nothing. It is never sent. */
  readonly default: JsonValue | undefined;
  /** Inclusive bounds of a number, as far as the schema has them as such. */
  readonly minimum: number | null;
  readonly maximum: number | null;
  /** In the schema's words; null where it has none. */
  readonly description: string | null;
  /** What else the schema demands of it, as short sentences, e.g. `` `minimum` 64, `maximum` 4096. ``; may be empty. */
  readonly rules: readonly string[];
};
