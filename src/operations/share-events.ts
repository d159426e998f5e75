import type { DocumentNode, ExecutionArgs, ExecutionResult } from "graphql";
import { createSourceEventStream, execute } from "graphql";
import { isAsyncIterable } from "graphql-yoga";
import type { Plugin } from "graphql-yoga";

import type { Viewer } from "../auth/viewer.ts";

/**
 * Lets subscriptions of one document with the same variables and rights, that are told of one event, share what is made
 * of it. A result with errors is nobody else's: it may be about the room that one reader's answers have left.
 */
export function createEventSharing(): Plugin<{ readonly viewer: Viewer }> {
  const made = new WeakMap<object, Map<string, Promise<ExecutionResult>>>();
  const documents = new WeakMap<DocumentNode, number>();
  let documentCount = 0;

  function toKey(
    { document, operationName, variableValues }: ExecutionArgs,
    viewer: Viewer,
  ): string {
    const number = documents.get(document) ?? (documentCount += 1);
    documents.set(document, number);
    const rights = [viewer.ownerId, ...[...viewer.scopes].toSorted()];
    return JSON.stringify([number, operationName, variableValues, rights]);
  }

  async function share(event: unknown, key: string, args: ExecutionArgs): Promise<ExecutionResult> {
    const make = async (): Promise<ExecutionResult> => await execute({ ...args, rootValue: event });
    if (typeof event !== "object" || event === null) return await make();
    const results = made.get(event) ?? new Map<string, Promise<ExecutionResult>>();
    made.set(event, results);
    const known = results.get(key);
    if (known === undefined) {
      const own = make();
      results.set(key, own);
      return await own;
    }
    const result = await known;
    return result.errors === undefined ? result : await make();
  }

  return {
    onSubscribe({ args: { contextValue }, setSubscribeFn }) {
      setSubscribeFn(async (args: ExecutionArgs) => {
        const source = await createSourceEventStream(args);
        if (!isAsyncIterable(source)) return source;
        const key = toKey(args, contextValue.viewer);
        const events = source[Symbol.asyncIterator]();
        const results: AsyncIterableIterator<ExecutionResult> = {
          async next() {
            const next = await events.next();
            if (next.done === true) return { value: undefined, done: true };
            return { value: await share(next.value, key, args), done: false };
          },
          async return() {
            await events.return?.();
            return { value: undefined, done: true };
          },
          [Symbol.asyncIterator]: () => results,
        };
        return results;
      });
    },
  };
}
