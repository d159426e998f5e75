import type { ErrorObject } from "ajv/dist/2020.js";

import type { InputPath, Spelling } from "../../job/input-issue.ts";
import type { JsonValue } from "../../job/json.ts";
import { describeBranches, describeType } from "./branches.ts";
import type { JsonSchema, JsonSchemaObject } from "../json-schema.ts";
import { didYouMean, nearMisses } from "../near-misses.ts";
import { andList, countIn, countOf, orList, toShortJson } from "./plain-words.ts";
import { publicUrlProblem } from "./public-url.ts";
import { ownMember, schemasInPlace } from "../subschemas.ts";

/** What Ajv found. */
export type Finding = {
  readonly error: ErrorObject;
  /** What is wrong; a name where a name is. */
  readonly value: JsonValue;
  /** What it should have fitted. */
  readonly schema: JsonSchema;
  /** Of a keyword that holds schemas, what was found by those. */
  readonly inside: readonly Finding[];
};

type Explained = {
  /** The member of the value that the message is about; null where it is the value itself. */
  readonly member: string | null;
  /** In plain words that follow the path, in all with a next step. */
  readonly message: string;
};

type Context = {
  /** What Ajv compiled. */
  readonly root: JsonSchemaObject;
  /** Where the value is, in the upstream's names. */
  readonly at: InputPath;
  readonly spell: Spelling;
};

/** What is wrong and what to do. */
export function explainError(finding: Finding, context: Context): Explained {
  const { error, value, schema, inside } = finding;
  const member =
    [error.propertyName, ...MEMBERS.map((name): unknown => error.params[name])].find(
      (name) => typeof name === "string",
    ) ?? null;
  const explain = ownMember(EXPLANATIONS, error.keyword);
  const message = explain?.({
    ...context,
    value,
    schema: typeof schema === "boolean" ? {} : schema,
    params: error.params,
    member: member ?? "",
    inside,
  });
  return {
    member,
    message: message ?? `${error.message ?? "is not valid"}; try another value`,
  };
}

/** Parameters of Ajv's errors that name a member. */
const MEMBERS = [
  "missingProperty",
  "additionalProperty",
  "unevaluatedProperty",
  "propertyName",
] as const;

type Explain = (
  parts: Context & {
    readonly value: JsonValue;
    readonly schema: JsonSchemaObject;
    readonly params: Readonly<Record<string, unknown>>;
    readonly member: string;
    readonly inside: readonly Finding[];
  },
) => string;

const EXPLANATIONS: Readonly<Record<string, Explain>> = {
  type: ({ value, schema }) => describeType(value, schema.type ?? []),
  const: ({ schema }) => `must be ${toShortJson(schema.const ?? null)}`,
  enum: ({ value, schema }) => describeChoice(value, schema.enum ?? []),

  maximum: ({ value, schema }) => `is ${toShortJson(value)}; the most is ${schema.maximum}`,
  minimum: ({ value, schema }) => `is ${toShortJson(value)}; the least is ${schema.minimum}`,
  exclusiveMaximum: ({ value, schema }) =>
    `is ${toShortJson(value)}; it must be less than ${schema.exclusiveMaximum}`,
  exclusiveMinimum: ({ value, schema }) =>
    `is ${toShortJson(value)}; it must be more than ${schema.exclusiveMinimum}`,
  multipleOf: ({ value, schema }) =>
    `is ${toShortJson(value)}; it must be a multiple of ${schema.multipleOf}`,

  maxLength: ({ value, schema }) => `has ${countIn(value)}; the most is ${schema.maxLength}`,
  minLength: ({ value, schema }) => `has ${countIn(value)}; the least is ${schema.minLength}`,
  pattern: ({ schema }) => `must match the pattern ${toShortJson(schema.pattern ?? "")}`,
  format: ({ value }) =>
    (typeof value === "string" ? publicUrlProblem(value) : null) ?? "must be a public URL",

  maxItems: ({ value, schema }) => `has ${countIn(value)}; the most is ${schema.maxItems}`,
  minItems: ({ value, schema }) => `has ${countIn(value)}; the least is ${schema.minItems}`,
  items: ({ value, schema }) =>
    `has ${countIn(value)}; the most is ${schema.prefixItems?.length ?? 0}`,
  unevaluatedItems: () => "has more items than are known here; leave the last ones out",
  uniqueItems: () => "has an item more than once; keep one of each",
  contains: ({ schema: { minContains = 1, maxContains } }) => {
    const count =
      maxContains === undefined
        ? `at least ${countOf(minContains, "item")}`
        : `${minContains} to ${countOf(maxContains, "item")}`;
    return `needs ${count} of a certain kind; change its items`;
  },

  maxProperties: ({ value, schema }) =>
    `has ${countIn(value)}; the most is ${schema.maxProperties}`,
  minProperties: ({ value, schema }) =>
    `has ${countIn(value)}; the least is ${schema.minProperties}`,
  required: () => "is missing; it is required",
  dependentRequired: ({ params, ...context }) =>
    `is missing; it is required beside ${spellName(context, String(params["property"]))}`,
  additionalProperties: ({ schema, ...context }) =>
    describeUnknown(context, Object.keys(schema.properties ?? {})),
  unevaluatedProperties: ({ schema, ...context }) => {
    const names = schemasInPlace(context.root, [schema]).flatMap(({ properties = {} }) =>
      Object.keys(properties),
    );
    return names.includes(context.member)
      ? "does not go with the other members; leave it out or correct those"
      : describeUnknown(context, [...new Set(names)]);
  },
  propertyNames: ({ inside: [first], ...context }) =>
    first === undefined
      ? "has a name that is refused; choose another"
      : `has a name that is refused; the name ${explainError(first, context).message}`,
  "false schema": () => "is not allowed here; leave it out",

  not: ({ schema, ...context }) => describeNot(schema.not ?? true, context),
  anyOf: ({ schema, value, ...context }) =>
    describeBranches(schema.anyOf ?? [], {
      root: context.root,
      value,
      fit: "too few",
      isExclusive: false,
      spellMember: (name) => spellName(context, name),
    }),
  oneOf: ({ schema, value, params, ...context }) =>
    describeBranches(schema.oneOf ?? [], {
      root: context.root,
      value,
      fit: params["passingSchemas"] === null ? "too few" : "too many",
      isExclusive: true,
      spellMember: (name) => spellName(context, name),
    }),
};

function describeChoice(value: JsonValue, choices: readonly JsonValue[]): string {
  const texts = choices.filter((choice) => typeof choice === "string");
  const near = typeof value === "string" ? nearMisses(value, texts) : [];
  // Of two, either is plain to see.
  const suggestion = choices.length > 2 ? didYouMean(near.map(toShortJson)) : "";
  return `must be ${orList(choices.map(toShortJson))}${suggestion}`;
}

function describeUnknown(
  context: Context & { readonly member: string },
  names: readonly string[],
): string {
  const known = names.map((name) => spellName(context, name));
  const near = nearMisses(context.member, known);
  if (near.length > 0) return `is not known here${didYouMean(near)}`;
  return known.length === 0
    ? "is not known here; leave it out"
    : `is not known here; leave it out, or use ${orList(known)}`;
}

function describeNot(schema: JsonSchema, context: Context): string {
  if (typeof schema === "object" && Object.keys(schema).length === 1) {
    const values = schema.const === undefined ? schema.enum : [schema.const];
    if (values !== undefined) return `must not be ${orList(values.map(toShortJson))}`;
    const names = (schema.required ?? []).map((name) => spellName(context, name));
    if (names.length === 1) return `must not have ${names.join()}; leave it out`;
    if (names.length > 1) return `must not have all of ${andList(names)}; leave one out`;
  }
  return "is of a form that is not allowed; try another value";
}

function spellName({ at, spell }: Context, name: string): string {
  return String(spell([...at, name]).at(-1) ?? name);
}
