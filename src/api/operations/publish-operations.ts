import type { ExecutionArgs, ExecutionResult } from "graphql";
import { getOperationAST, OperationTypeNode } from "graphql";
import type { Plugin } from "graphql-yoga";

import { clock } from "../../runtime/environment.ts";
import type { Channels, OperationMessage } from "../../engine/diagnostics/channels.ts";
import { toCode } from "./mask-error.ts";

/** Publishes queries and mutations. */
export function createRunner(operation: Channels["operation"]): Plugin {
  return {
    onExecute({ args, executeFn, setExecuteFn }) {
      if (operation.hasSubscribers)
        setExecuteFn((given: ExecutionArgs) =>
          publish(operation, args, async () => executeFn(given)),
        );
    },
  };
}

/** Publishes an operation, and the code that clients get where it fails. */
export async function publish<Result>(
  channel: Channels["operation"],
  { document, operationName, contextValue }: ExecutionArgs,
  run: () => Promise<Result>,
): Promise<Result> {
  const operation = getOperationAST(document, operationName);
  const { traceparent }: { readonly traceparent?: unknown } = Object(contextValue);
  const message: OperationMessage = {
    kind: operation?.operation ?? OperationTypeNode.QUERY,
    name: operation?.name?.value ?? null,
    traceparent,
    startedAt: clock.monotonic(),
    code: null,
  };
  return await channel.tracePromise(async () => {
    const result = await run();
    // A stream has none.
    const { errors: [first] = [] }: ExecutionResult = Object(result);
    if (first !== undefined) message.code = toCode(first);
    return result;
  }, message);
}
