import type { Shape } from "../deployments/shape/shape.ts";
import type { Builder } from "./builder.ts";

/** A field of a deployment's input, for those that draw forms. */
export function addInputField(builder: Builder): void {
  builder.objectType("InputField", {
    description: "A field of a deployment's input.",
    fields: (t) => ({
      name: t.exposeString("name", {
        description: "The upstream's name of it, as `submitJob` takes it: `ctrl_img_1`.",
      }),
      graphqlName: t.exposeString("graphqlName", {
        description: "Its name in the deployment's own mutation: `ctrlImg1`.",
      }),
      type: t.string({
        description:
          "Its GraphQL type in the deployment's own mutation, without the `!` of `required`: `Int`, `[String!]`. JSON is whatever GraphQL has no words for.",
        resolve: ({ shape }) => toTypeText(shape),
      }),
      required: t.exposeBoolean("isRequired", {
        description: "Whether it may not be left out; null may do all the same.",
      }),
      default: t.field({
        type: "JSON",
        nullable: true,
        description:
          "What the schema says is used when it is left out; null when it says nothing. The gateway fills it in where the schema itself takes it, and leaves it to the upstream else.",
        resolve: (field) => field.default ?? null,
      }),
      minimum: t.exposeFloat("minimum", {
        nullable: true,
        description:
          "The least that is allowed; null when there is no such bound, or only an exclusive one.",
      }),
      maximum: t.exposeFloat("maximum", {
        nullable: true,
        description:
          "The most that is allowed; null when there is no such bound, or only an exclusive one.",
      }),
      description: t.exposeString("description", {
        nullable: true,
        description: "What it is for, in the schema's words; null when it has none.",
      }),
    }),
  });
}

function toTypeText(shape: Shape): string {
  switch (shape.kind) {
    case "scalar":
      return shape.scalar;
    case "enum":
      return shape.enumeration.typeName;
    case "object":
      return shape.object.typeName;
    case "list":
      return `[${toTypeText(shape.item)}${shape.item.isNullable ? "" : "!"}]`;
  }
}
