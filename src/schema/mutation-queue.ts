import { setImmediate } from "node:timers/promises";

import type { PothosOutputFieldConfig, SchemaTypes } from "@pothos/core";
import SchemaBuilder, { BasePlugin } from "@pothos/core";
import type { GraphQLFieldResolver } from "graphql";

import { Queue } from "../runtime/queue.ts";
import { isOurs } from "./scope.ts";

declare global {
  // Pothos reads the options of plugins from here; the type parameters must have its own names.
  namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      mutationQueue: MutationQueuePlugin<Types>;
    }
  }
}

/** Of one owner in a turn of the event loop: thousands may have waited for the same job. */
const MAX_ANSWERED = 10;

/** Lets each mutation begin in a later turn of the event loop, and few of one owner be answered in one. */
class MutationQueuePlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  readonly #queue = new Queue({ perKey: MAX_ANSWERED });

  override wrapResolve(
    resolve: GraphQLFieldResolver<unknown, Types["Context"], object>,
    { kind }: PothosOutputFieldConfig<Types>,
  ): typeof resolve {
    if (kind !== "Mutation") return resolve;
    return async (parent, given, context, info) => {
      await setImmediate();
      // It may wait long, and what the mutations before it have read is told.
      if (isOurs(context)) context.finish();
      try {
        return await resolve(parent, given, context, info);
      } finally {
        if (isOurs(context)) await this.#queue.run(context.viewer.ownerId, async () => undefined);
      }
    };
  }
}

SchemaBuilder.registerPlugin("mutationQueue", MutationQueuePlugin);
