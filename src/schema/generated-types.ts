import type {
  InputFieldBuilder,
  InputRef,
  InputTypeParam,
  ObjectFieldBuilder,
  ObjectRef,
  TypeParam,
} from "@pothos/core";

import type { EnumShape, ObjectShape, Shape } from "../deployments/shape/shape.ts";
import type { JsonObject } from "../job/json.ts";
import type { Builder } from "./builder.ts";
import { describeInputField, describeOutputField, describeType } from "./describe-field.ts";

type Types = Builder["$inferSchemaTypes"];

/** The GraphQL types of shapes; the same shape is always the same type. */
export type GeneratedTypes = {
  toInputType(object: ObjectShape): InputRef<Record<string, unknown>>;
  toOutputType(object: ObjectShape): ObjectRef<Types, JsonObject>;
};

export function createGeneratedTypes(builder: Builder): GeneratedTypes {
  const toEnumType = memoize((shape: EnumShape) =>
    builder.enumType(shape.typeName, {
      description: describeType(shape, "The values that the upstream knows here."),
      values: Object.fromEntries(
        shape.values.map(({ graphqlName, value }) => [
          graphqlName,
          { value, description: `Sent as ${JSON.stringify(value)}.` },
        ]),
      ),
    }),
  );

  const toInputType = memoize((object: ObjectShape): InputRef<Record<string, unknown>> =>
    builder.inputType(object.typeName, {
      description: describeType(object, "What the upstream takes here."),
      fields: (t) =>
        Object.fromEntries(
          object.fields.map((field) => [
            field.graphqlName,
            t.field({
              type: toInputParam(t, field.shape),
              // GraphQL knows no "must be there, but may be null": the check behind it does.
              required: field.isRequired && !field.shape.isNullable,
              description: describeInputField(field),
            }),
          ]),
        ),
    }),
  );

  const toOutputType = memoize((object: ObjectShape) =>
    builder.objectRef<JsonObject>(object.typeName).implement({
      description: describeType(object, "What the upstream gives here."),
      fields: (t) =>
        Object.fromEntries(
          object.fields.map((field) => [
            field.graphqlName,
            t.field({
              type: toOutputParam(t, field.shape),
              nullable: field.shape.isNullable || !field.isRequired,
              description: describeOutputField(field),
              // Its document is read already; lists in lists shall not count as if each were long.
              complexity: { field: 1, multiplier: field.shape.kind === "list" ? 2 : 1 },
              // An own member: every object has a `constructor` else.
              resolve: (output) => Object.getOwnPropertyDescriptor(output, field.name)?.value,
            }),
          ]),
        ),
    }),
  );

  function toInputParam(
    t: InputFieldBuilder<Types, "InputObject">,
    shape: Shape,
  ): InputTypeParam<Types> {
    switch (shape.kind) {
      case "scalar":
        return shape.scalar;
      case "enum":
        return toEnumType(shape.enumeration);
      case "object":
        return toInputType(shape.object);
      case "list":
        return t.listRef(toInputParam(t, shape.item), { required: !shape.item.isNullable });
    }
  }

  function toOutputParam(t: ObjectFieldBuilder<Types, JsonObject>, shape: Shape): TypeParam<Types> {
    switch (shape.kind) {
      case "scalar":
        return shape.scalar;
      case "enum":
        return toEnumType(shape.enumeration);
      case "object":
        return toOutputType(shape.object);
      case "list":
        return t.listRef(toOutputParam(t, shape.item), { nullable: shape.item.isNullable });
    }
  }

  return { toInputType, toOutputType };
}

/** The same result for the same parameter. */
function memoize<Parameter, Result>(
  make: (parameter: Parameter) => Result,
): (parameter: Parameter) => Result {
  const made = new Map<Parameter, Result>();
  return (parameter) => {
    const result = made.get(parameter) ?? make(parameter);
    made.set(parameter, result);
    return result;
  };
}
