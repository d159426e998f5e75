import type { Shape } from "../../src/engine/deployments/catalogue.ts";

/** As GraphQL writes the type of a field, with a `!` where it must be given and can't be null. */
export function writeType(shape: Shape, isRequired = true): string {
  return `${writeValueType(shape)}${isRequired && !shape.isNullable ? "!" : ""}`;
}

function writeValueType(shape: Shape): string {
  switch (shape.kind) {
    case "scalar":
      return shape.scalar;
    case "enum":
      return shape.enumeration.typeName;
    case "list":
      return `[${writeType(shape.item)}]`;
    case "object":
      return shape.object.typeName;
  }
}
