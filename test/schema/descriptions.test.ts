import type { GraphQLNamedType } from "graphql";
import {
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  printSchema,
} from "graphql";
import { expect, test } from "vitest";

import file from "../../sandbox/src/deployments.json" with { type: "json" };
import { createSchema } from "../../src/schema/create-schema.ts";
import { catalogueOf } from "../support/catalogue-of.ts";

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
);

test("the schema begins with what it is for, and with the three steps to a picture", () => {
  const [first = ""] = printSchema(SCHEMA).split("schema {");
  expect(first).toMatch(
    /^"""\n[^"]*1\.[^"]*submitJob[^"]*2\.[^"]*jobUpdated[^"]*3\.[^"]*assets[^"]*"""\n$/,
  );
});

test("an output is promised as what JavaScript makes of its numbers", () => {
  const job = SCHEMA.getType("Job");
  const description = isObjectType(job) ? job.getFields()["output"]?.description : null;
  expect(description).not.toContain("unchanged");
  expect(description).toMatch(/2\^53 they may lose digits, and beyond 1e308 they are null/);
});

test("every type, field, argument and enum value has a description that is a sentence", () => {
  const described = Object.values(SCHEMA.getTypeMap())
    .filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type))
    .flatMap(listDescriptions);
  expect(described.length).toBeGreaterThan(120);
  expect(described.filter(([, description]) => !/^.{10,}[.:`)]$/s.test(description ?? ""))).toEqual(
    [],
  );
});

test("no description says only the name again", () => {
  const described = Object.values(SCHEMA.getTypeMap()).flatMap(listDescriptions);
  const echoes = described.filter(([coordinate, description]) => {
    const name = coordinate.split(/[.(]/).at(-1)?.replace(")", "") ?? "";
    const words = name
      .replaceAll(/([A-Z])/g, " $1")
      .toLowerCase()
      .replaceAll("_", " ")
      .trim();
    return new RegExp(`^(the )?${words}( of .{0,20})?\\.?$`, "i").test(description ?? "");
  });
  expect(echoes).toEqual([]);
});

test("what may be null says when", () => {
  const nullable = Object.values(SCHEMA.getTypeMap())
    .filter((type) => isObjectType(type) && !isIntrospectionType(type))
    .flatMap((type) =>
      isObjectType(type) ? Object.values(type.getFields()).map((field) => ({ type, field })) : [],
    )
    .filter(({ field }) => !String(field.type).endsWith("!"));
  expect(nullable.length).toBeGreaterThan(15);
  expect(
    nullable
      .filter(({ field }) => !/null/i.test(field.description ?? ""))
      .map(({ type, field }) => `${type.name}.${field.name}`),
  ).toEqual([]);
});

/** Each part of a type by its coordinate. */
function listDescriptions(
  type: GraphQLNamedType,
): (readonly [string, string | null | undefined])[] {
  const own = [[type.name, type.description] as const];
  if (isEnumType(type)) {
    return [
      ...own,
      ...type
        .getValues()
        .map((value) => [`${type.name}.${value.name}`, value.description] as const),
    ];
  }
  if (isInputObjectType(type)) {
    return [
      ...own,
      ...Object.values(type.getFields()).map(
        (field) => [`${type.name}.${field.name}`, field.description] as const,
      ),
    ];
  }
  if (!isObjectType(type) && !isInterfaceType(type)) return own;
  const fields = Object.values(type.getFields());
  return [
    ...own,
    ...fields.map((field) => [`${type.name}.${field.name}`, field.description] as const),
    ...fields.flatMap((field) =>
      field.args.map(
        ({ name, description }) => [`${type.name}.${field.name}(${name})`, description] as const,
      ),
    ),
  ];
}
