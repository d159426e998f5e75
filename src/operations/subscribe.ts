import type { DocumentNode, ExecutionArgs, ExecutionResult } from "graphql";
import { createSourceEventStream, execute } from "graphql";
import { isAsyncIterable } from "graphql-yoga";

import type { Viewer } from "../auth/viewer.ts";
import { LimitError } from "../job/errors.ts";
import { overLimit } from "../schema/coded-errors.ts";
import type { MaskError } from "./mask-error.ts";
import type { Slots } from "./owner-limits.ts";

type Results = AsyncIterableIterator<ExecutionResult> & {
  return(): Promise<IteratorResult<ExecutionResult>>;
};

/** Long enough for all who are told of an event at once; what else a result tells may change. */
const SHARED_MS = 1_000;
/** Results of one event: documents, variables and rights that differ. */
const MOST_SHARED = 100;

type Made = IteratorYieldResult<ExecutionResult>;
type Next = IteratorResult<ExecutionResult, undefined>;

/**
 * Makes what runs subscriptions, whichever way they came, and bounds them by `slots`. Those of one document with the same
 * variables and rights that are told of one event share what is made of it. A result with errors is nobody else's: it may
 * be about the room that one reader's answers have left.
 */
export function createSubscribe({
  slots,
  maskError,
}: {
  readonly slots: Slots;
  readonly maskError: MaskError;
}) {
  const made = new WeakMap<object, Map<string, Promise<Made>>>();
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

  function mask(result: ExecutionResult): ExecutionResult {
    return result.errors === undefined
      ? result
      : { ...result, errors: result.errors.map(maskError) };
  }

  async function make(event: unknown, args: ExecutionArgs): Promise<Made> {
    return { value: mask(await execute({ ...args, rootValue: event })), done: false };
  }

  function begin(event: object): Map<string, Promise<Made>> {
    const results = new Map<string, Promise<Made>>();
    made.set(event, results);
    setTimeout(() => made.delete(event), SHARED_MS).unref();
    return results;
  }

  function share(event: unknown, key: string, args: ExecutionArgs): Promise<Made> {
    if (typeof event !== "object" || event === null) return make(event, args);
    const results = made.get(event) ?? begin(event);
    const known = results.get(key);
    if (known !== undefined)
      return known.then((one) => (one.value.errors === undefined ? one : make(event, args)));
    const own = make(event, args);
    if (results.size < MOST_SHARED) results.set(key, own);
    return own;
  }

  return async (args: ExecutionArgs): Promise<ExecutionResult | Results> => {
    const viewer: Viewer = Reflect.get(Object(args.contextValue), "viewer");
    using slot = new DisposableStack();
    try {
      slot.defer(slots.take(viewer));
    } catch (error) {
      if (error instanceof LimitError) return { errors: [overLimit(error)] };
      throw error;
    }
    const source = await createSourceEventStream(args);
    if (!isAsyncIterable(source)) return mask(source);
    const events = source[Symbol.asyncIterator]();
    const key = toKey(args, viewer);
    const taken = slot.move();
    const toResult = (next: IteratorResult<unknown>): Promise<Made> | Next => {
      if (next.done !== true) return share(next.value, key, args);
      taken.dispose();
      return { value: undefined, done: true };
    };
    const results: Results = {
      next: () => events.next().then<Next>(toResult),
      async return() {
        taken.dispose();
        await events.return?.();
        return { value: undefined, done: true };
      },
      [Symbol.asyncIterator]: () => results,
    };
    return results;
  };
}
