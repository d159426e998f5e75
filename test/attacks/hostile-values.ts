import * as fc from "fast-check";
import type { GraphQLArgument, GraphQLInputType, GraphQLNamedType, GraphQLSchema } from "graphql";
import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
} from "graphql";

const MAX_LEVELS = 4;
const VALID_VALUES: Readonly<Record<string, string>> = { ID: '"d"', JSON: "{}" };

/** An argument somewhere in the schema, and how to ask with a value for it. */
type ArgumentPlace = {
  /** e.g. `Query.deployment.jobs(first:)`. */
  readonly name: string;
  readonly type: GraphQLInputType;
  readonly isSubscription: boolean;
  /** A document that has this text as the argument's value. */
  toDocument(value: string): string;
};

/** A type that can be selected from, by what it is named and how its selection is written into a document. */
type Way = {
  readonly type: GraphQLNamedType;
  readonly name: string;
  readonly wrap: (selection: string) => string;
};

/** Every argument of the schema once, each reached by a shortest way. */
export function listArguments(schema: GraphQLSchema): readonly ArgumentPlace[] {
  const seen = new Set<string>();
  const places: ArgumentPlace[] = [];
  const ways: Way[] = ["query", "mutation", "subscription"].flatMap((kind) => {
    const name = kind.replace(/^./, (letter) => letter.toUpperCase());
    const type = schema.getType(name);
    return type ? [{ type, name, wrap: (selection: string) => `${kind} { ${selection} }` }] : [];
  });
  // Those that are found are looked at behind those that are nearer.
  for (const { type, name, wrap } of ways) {
    if (seen.has(type.name)) continue;
    seen.add(type.name);
    if (isAbstractType(type))
      for (const one of schema.getPossibleTypes(type))
        ways.push({
          type: one,
          name,
          wrap: (to) => wrap(`__typename ... on ${one.name} { ${to} }`),
        });
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const result = getNamedType(field.type);
      const selects = isCompositeType(result);
      for (const argument of field.args)
        places.push({
          name: `${name}.${field.name}(${argument.name}:)`,
          type: argument.type,
          isSubscription: name.startsWith("Subscription"),
          toDocument: (value) =>
            wrap(
              `${field.name}${write(field.args, argument, value)}${selects ? " { __typename }" : ""}`,
            ),
        });
      const head = `${field.name}${write(field.args)}`;
      if (selects)
        ways.push({
          type: result,
          name: `${name}.${field.name}`,
          wrap: (selection) => wrap(`${head} { ${selection} }`),
        });
    }
  }
  return places;
}

/** The argument with its value, and those that must be there beside it. */
function write(all: readonly GraphQLArgument[], chosen?: GraphQLArgument, value = ""): string {
  const written = all.flatMap((argument) => {
    if (argument === chosen) return [`${argument.name}: ${value}`];
    if (!isRequiredArgument(argument)) return [];
    return [`${argument.name}: ${VALID_VALUES[getNamedType(argument.type).name] ?? "{}"}`];
  });
  return written.length === 0 ? "" : `(${written.join(", ")})`;
}

/** Values of a type that are nearly right, and some that are not right at all. */
export function hostileValues(type: GraphQLInputType, depth = 0): fc.Arbitrary<unknown> {
  if (isNonNullType(type)) return hostileValues(type.ofType, depth);
  const odd = fc.oneof(
    fc.constantFrom(...ODD_VALUES),
    fc.string({ unit: "binary" }),
    fc.double(),
    fc.jsonValue(),
  );
  if (depth > MAX_LEVELS) return odd;
  if (isListType(type))
    return fc.oneof(odd, fc.array(hostileValues(type.ofType, depth + 1), { maxLength: 4 }));
  if (isEnumType(type))
    return fc.oneof(odd, fc.constantFrom(...type.getValues().map(({ name }) => name)));
  if (!isInputObjectType(type)) return odd;
  const fields = Object.fromEntries(
    Object.values(type.getFields()).map((field) => [
      field.name,
      hostileValues(field.type, depth + 1),
    ]),
  );
  const known = fc.record(fields, { requiredKeys: [] });
  return fc.oneof(odd, known, fc.record({ ...fields, unknown: fc.jsonValue() }));
}

/** A value as GraphQL writes it; keys that it has no way to write are left as they are, and the document is wrong. */
export function toLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toLiteral).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).map(([key, member]) => `${key}: ${toLiteral(member)}`);
  return `{${members.join(", ")}}`;
}

const ODD_VALUES: readonly unknown[] = [
  "",
  "\0",
  "a\0b",
  "\ud800",
  "job_00000000-0000-0000-0000-000000000000",
  "../../etc/passwd",
  "%2e%2e%2f",
  "'; drop table jobs; --",
  "__proto__",
  "x".repeat(100_000),
  "\u202e\ufeff\u0000",
  "2025-02-30T00:00:00Z",
  "-271822-01-01T00:00:00Z",
  "1970-01-01T00:00:00+99:99",
  "http://169.254.169.254/latest/meta-data",
  ...[0, -0, -1, 101, 2_147_483_648, -2_147_483_649, 9_007_199_254_740_992, 1e308, 5e-324],
  true,
  null,
  [],
  [[[[]]]],
  {},
  JSON.parse('{"__proto__":{"a":1},"constructor":{"prototype":{"a":1}},"then":1,"toString":1}'),
];
