import type { GraphQLResolveInfo } from "graphql";
import { valueFromASTUntyped } from "graphql";

import type { Variables } from "./context.ts";

/** An argument of the field as it was sent, before GraphQL coerced it: enum values are their names here. */
export function readWrittenArgument(
  name: string,
  { fieldNodes: [field], operation }: GraphQLResolveInfo,
  variables: Variables,
): unknown {
  const written = field?.arguments?.find((argument) => argument.name.value === name)?.value;
  if (written === undefined) return undefined;
  const defaults = (operation.variableDefinitions ?? []).flatMap(({ variable, defaultValue }) =>
    defaultValue === undefined ? [] : [[variable.name.value, valueFromASTUntyped(defaultValue)]],
  );
  return valueFromASTUntyped(written, { ...Object.fromEntries(defaults), ...variables });
}
