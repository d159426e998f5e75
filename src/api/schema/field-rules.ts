import type {
  FieldNullability,
  InputFieldMap,
  PothosOutputFieldConfig,
  SchemaTypes,
  TypeParam,
} from "@pothos/core";
import SchemaBuilder, { BasePlugin } from "@pothos/core";
import type { GraphQLFieldResolver } from "graphql";

import { clock } from "../../runtime/environment.ts";
import { Queue } from "../../runtime/queue.ts";
import type { GatewayContext } from "./context.ts";

declare global {
  // Pothos reads the options of plugins from here; the type parameters must have its own names.
  namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      fieldRules: FieldRulesPlugin<Types>;
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
      /** Whether its bytes count towards the size of the answer, each time that it is selected. */
      isCharged?: true;
    }
  }
}

type Resolver<Types extends SchemaTypes> = GraphQLFieldResolver<unknown, Types["Context"], object>;
type Field<Types extends SchemaTypes> = PothosOutputFieldConfig<Types>;

/** Of one owner in a turn of the event loop: thousands may have waited for the same job. */
const MAX_ANSWERED = 10;

/**
 * Rules for fields besides their resolvers: what they charge to the answer. Each mutation begins in a later turn of the
 * event loop, and few of one owner are answered in one.
 */
class FieldRulesPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  readonly #answers = new Queue({ perKey: MAX_ANSWERED });

  override wrapResolve(resolve: Resolver<Types>, field: Field<Types>): Resolver<Types> {
    if (field.kind === "Mutation") return this.#inTurn(resolve);
    return field.pothosOptions.isCharged ? charge(resolve) : resolve;
  }

  #inTurn(resolve: Resolver<Types>): Resolver<Types> {
    return async (parent, given, context, info) => {
      await clock.nextTurn();
      try {
        return await resolve(parent, given, context, info);
      } finally {
        if (isOurs(context)) await this.#answers.run(context.viewer.ownerId, async () => undefined);
      }
    };
  }
}

SchemaBuilder.registerPlugin("fieldRules", FieldRulesPlugin);

function charge<Types extends SchemaTypes>(resolve: Resolver<Types>): Resolver<Types> {
  return (parent, given, context, info) => {
    const value = resolve(parent, given, context, info);
    const text = typeof value === "string" ? value : JSON.stringify(value);
    if (isOurs(context)) context.reads.charge(Buffer.byteLength(text));
    return value;
  };
}

/** Pothos does not give a plugin the type of the context. */
function isOurs(context: object): context is GatewayContext {
  return "viewer" in context;
}
