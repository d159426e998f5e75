import type {
  FieldNullability,
  InputFieldMap,
  InputShapeFromFields,
  PothosOutputFieldConfig,
  SchemaTypes,
  TypeParam,
} from "@pothos/core";
import SchemaBuilder, { BasePlugin } from "@pothos/core";
import type { GraphQLFieldResolver } from "graphql";

import type { Scope } from "../auth/viewer.ts";
import { CodedError } from "../runtime/coded-error.ts";
import type { GatewayContext } from "./context.ts";

/** The scope that a field needs, which may depend on its arguments; null for none. */
type FieldScope<Args extends InputFieldMap> =
  | Scope
  | null
  | ((given: InputShapeFromFields<Args>) => Scope | null);

declare global {
  // Pothos reads the options of plugins from here; the type parameters must have its own names.
  namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      scopes: ScopesPlugin<Types>;
    }
    interface FieldOptions<
      Types extends SchemaTypes,
      ParentShape,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveShape,
      ResolveReturnShape,
    > {
      scope?: FieldScope<Args>;
    }
    interface QueryFieldOptions<
      Types extends SchemaTypes,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveReturnShape,
    > {
      scope: FieldScope<Args>;
    }
    interface MutationFieldOptions<
      Types extends SchemaTypes,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveReturnShape,
    > {
      scope: Scope;
    }
    interface SubscriptionFieldOptions<
      Types extends SchemaTypes,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveShape,
      ResolveReturnShape,
    > {
      scope: FieldScope<Args>;
    }
  }
}

type Resolver<Types extends SchemaTypes> = GraphQLFieldResolver<unknown, Types["Context"], object>;

/** Lets a field run only for viewers who have its `scope`, which every root field must declare. */
class ScopesPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapResolve(resolve: Resolver<Types>, field: PothosOutputFieldConfig<Types>) {
    return field.kind === "Subscription" ? resolve : guard(resolve, field);
  }

  override wrapSubscribe(
    subscribe: Resolver<Types> | undefined,
    field: PothosOutputFieldConfig<Types>,
  ) {
    return subscribe && guard(subscribe, field);
  }
}

SchemaBuilder.registerPlugin("scopes", ScopesPlugin);

function guard<Types extends SchemaTypes>(
  resolve: Resolver<Types>,
  { pothosOptions: { scope = null } }: PothosOutputFieldConfig<Types>,
): Resolver<Types> {
  if (scope === null) return resolve;
  return (parent, given, context, info) => {
    const needed = typeof scope === "function" ? scope({ ...given }) : scope;
    if (needed !== null) requireScope(context, needed);
    return resolve(parent, given, context, info);
  };
}

/** Throws FORBIDDEN unless the viewer's credential has the scope; `jobs:read:all` includes `jobs:read`. */
function requireScope(context: object, scope: Scope): void {
  const scopes = isOurs(context) ? context.viewer.scopes : new Set<Scope>();
  if (scopes.has(scope) || (scope === "jobs:read" && scopes.has("jobs:read:all"))) return;
  throw new CodedError(
    "FORBIDDEN",
    `You lack the scope \`${scope}\`. Use a credential that has it, or ask the gateway's operator for one.`,
  );
}

/** Pothos does not tell a plugin what the context is. */
export function isOurs(context: object): context is GatewayContext {
  return "viewer" in context;
}
