import * as fc from "fast-check";
import type { GraphQLArgument, GraphQLInputType, GraphQLNamedType, GraphQLSchema } from "graphql";
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isUnionType,
} from "graphql";

const MAX_LEVELS = 4;
const VALID_VALUES: Readonly<Record<string, string>> = { ID: '"d"', JSON: "{}" };

/** An argument somewhere in the schema, and how to ask with a value for it. */
export type ArgumentPlace = {
  /** e.g. `Query.deployment.jobs(first:)`. */
  readonly name: string;
  readonly type: GraphQLInputType;
  readonly isSubscription: boolean;
  /** A document that has this text as the argument's value. */
  toDocument(value: string): string;
};

/** Every argument of the schema once, each reached by a shortest way. */
export function listArguments(schema: GraphQLSchema): readonly ArgumentPlace[] {
  const seen = new Set<string>();
  const places: ArgumentPlace[] = [];
  let level: readonly Way[] = [
    { kind: "query", type: schema.getQueryType() },
    { kind: "mutation", type: schema.getMutationType() },
    { kind: "subscription", type: schema.getSubscriptionType() },
  ].flatMap(({ kind, type }) =>
    type ? [{ kind, type, name: type.name, wrap: (inner: string) => `${kind} { ${inner} }` }] : [],
  );
  for (let depth = 0; depth < MAX_LEVELS; depth += 1) {
    level = level.flatMap((way) => {
      if (seen.has(way.type.name)) return [];
      seen.add(way.type.name);
      return follow(schema, way, places);
    });
  }
  return places;
}

type Way = {
  readonly kind: string;
  readonly type: GraphQLNamedType;
  readonly name: string;
  readonly wrap: (inner: string) => string;
};

function follow(schema: GraphQLSchema, way: Way, places: ArgumentPlace[]): Way[] {
  const { kind, type, name, wrap } = way;
  if (isUnionType(type) || isInterfaceType(type)) {
    return schema.getPossibleTypes(type).map((one) => ({
      kind,
      name,
      type: one,
      wrap: (inner) => wrap(`__typename ... on ${one.name} { ${inner} }`),
    }));
  }
  if (!isObjectType(type)) return [];
  return Object.values(type.getFields()).flatMap((field) => {
    const result = getNamedType(field.type);
    const selection = isObjectType(result) || isUnionType(result) || isInterfaceType(result);
    for (const argument of field.args) {
      places.push({
        name: `${name}.${field.name}(${argument.name}:)`,
        type: argument.type,
        isSubscription: kind === "subscription",
        toDocument: (value) =>
          wrap(
            `${field.name}${write(field.args, argument, value)}${selection ? " { __typename }" : ""}`,
          ),
      });
    }
    if (!selection) return [];
    const head = `${field.name}${write(field.args)}`;
    return [
      {
        kind,
        type: result,
        name: `${name}.${field.name}`,
        wrap: (inner: string) => wrap(`${head} { ${inner} }`),
      },
    ];
  });
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
  const fields = Object.values(type.getFields()).map((field) => [
    field.name,
    hostileValues(field.type, depth + 1),
  ]);
  const known = fc.record(Object.fromEntries(fields), { requiredKeys: [] });
  return fc.oneof(
    odd,
    known,
    fc.record({ ...Object.fromEntries(fields), unknown: fc.jsonValue() }),
  );
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
  "job_",
  "job_00000000-0000-0000-0000-000000000000",
  "../../etc/passwd",
  "d/../../v2/deployments",
  "%2e%2e%2f",
  "'; drop table jobs; --",
  '" or 1=1 --',
  "{{7*7}}${7*7}",
  "<script>alert(1)</script>",
  "__proto__",
  "constructor",
  "x".repeat(100_000),
  "\u202e\ufeff\u0000",
  "2025-02-30T00:00:00Z",
  "9999999-01-01T00:00:00Z",
  "-271822-01-01T00:00:00Z",
  "1970-01-01T00:00:00+99:99",
  "data:text/html,x",
  "http://169.254.169.254/latest/meta-data",
  0,
  -0,
  -1,
  101,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 53,
  1e308,
  5e-324,
  true,
  null,
  [],
  [[[[]]]],
  {},
  JSON.parse('{"__proto__":{"a":1},"constructor":{"prototype":{"a":1}},"then":1,"toString":1}'),
];
