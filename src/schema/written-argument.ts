import type { GraphQLResolveInfo, ValueNode } from "graphql";
import { Kind } from "graphql";

import type { Variables } from "./context.ts";

/** An argument of the field as it was sent, before GraphQL coerced it: enum values are their names here. */
export function readWrittenArgument(
  name: string,
  { fieldNodes, operation }: GraphQLResolveInfo,
  variables: Variables,
): unknown {
  const defaults = operation.variableDefinitions ?? [];

  function read(node: ValueNode | undefined): unknown {
    if (node === undefined) return null;
    switch (node.kind) {
      case Kind.NULL:
        return null;
      case Kind.LIST:
        return node.values.map(read);
      case Kind.OBJECT:
        return Object.fromEntries(
          node.fields.map((field): [string, unknown] => [field.name.value, read(field.value)]),
        );
      case Kind.VARIABLE: {
        const variable = node.name.value;
        if (Object.hasOwn(variables, variable)) return variables[variable];
        return read(defaults.find((one) => one.variable.name.value === variable)?.defaultValue);
      }
      case Kind.BOOLEAN:
      case Kind.ENUM:
      case Kind.FLOAT:
      case Kind.INT:
      case Kind.STRING:
        return node.value;
    }
  }

  const [field] = fieldNodes;
  return read(field?.arguments?.find((argument) => argument.name.value === name)?.value);
}
