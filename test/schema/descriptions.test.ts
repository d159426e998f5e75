import type { GraphQLNamedType } from "graphql";
import {
  isEnumType,
  isIntrospectionType,
  isNonNullType,
  isObjectType,
  isSpecifiedScalarType,
  printSchema,
} from "graphql";
import { expect, test } from "vitest";

import file from "../../sandbox/src/deployments.json" with { type: "json" };
import { createSchema } from "../../src/api/schema/create-schema.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { SCHEMA_PARTS } from "../support/parts.ts";

/** With generated types: of full schemas, of a model, and of a schema that describes nothing. */
const SCHEMA = createSchema(
  catalogueOf(
    ...file.deployments,
    { id: "model", name: "Model", model: "flux" },
    {
      id: "bare",
      name: "Bare",
      inputSchema: { properties: { a: {}, b: { properties: { c: { enum: ["d"] } } } } },
      outputSchema: { properties: { e: {}, f: { properties: { g: {} } } } },
    },
  ),
  SCHEMA_PARTS,
);

test("the schema begins with what it is for, and with the three steps to a picture", () => {
  const [first = ""] = printSchema(SCHEMA).split("schema {");
  expect(first).toMatch(
    /^"""\n[^"]*1\.[^"]*submitJob[^"]*2\.[^"]*jobUpdated[^"]*3\.[^"]*assets[^"]*"""\n$/,
  );
});

const TYPES = Object.values(SCHEMA.getTypeMap()).filter(
  (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
);

test("every type, field, argument and enum value has a description, which is a sentence and more than its name", () => {
  const described = TYPES.flatMap(listDescriptions);
  expect(described.length).toBeGreaterThan(120);
  const poor = described.filter(([coordinate, description]) => {
    const name = coordinate.split(/[.(]/).at(-1)?.replace(")", "") ?? "";
    const words = name
      .replaceAll(/([A-Z])/g, " $1")
      .replaceAll("_", " ")
      .trim();
    const isSentence = /^.{10,}[.:`)]$/s.test(description ?? "");
    return (
      !isSentence || new RegExp(`^(the )?${words}( of .{0,20})?\\.$`, "i").test(description ?? "")
    );
  });
  expect(poor).toEqual([]);
});

test("what may be null says when", () => {
  const nullable = TYPES.filter(isObjectType)
    .flatMap((type) => Object.values(type.getFields()).map((field) => ({ type, field })))
    .filter(({ field }) => !isNonNullType(field.type));
  expect(nullable.length).toBeGreaterThan(15);
  expect(
    nullable
      .filter(({ field }) => !/null/i.test(field.description ?? ""))
      .map(({ type, field }) => `${type.name}.${field.name}`),
  ).toEqual([]);
});

type Described = { readonly name: string; readonly description?: string | null | undefined };

/** Each part of a type by its coordinate. */
function listDescriptions(type: GraphQLNamedType) {
  const parts: Described[] = [];
  if (isEnumType(type)) parts.push(...type.getValues());
  else if ("getFields" in type)
    for (const field of Object.values<Described & { args?: readonly Described[] }>(
      type.getFields(),
    ))
      parts.push(
        field,
        ...(field.args ?? []).map((one) => ({
          name: `${field.name}(${one.name})`,
          description: one.description,
        })),
      );
  return [
    [type.name, type.description] as const,
    ...parts.map(({ name, description }) => [`${type.name}.${name}`, description] as const),
  ];
}
