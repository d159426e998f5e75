import { hash } from "node:crypto";

import type { ExecutionArgs, ExecutionResult } from "graphql";
import { createSourceEventStream, execute } from "graphql";
import { isAsyncIterable } from "graphql-yoga";

import { clock } from "../../runtime/environment.ts";
import type { Channels } from "../../engine/diagnostics/channels.ts";
import { toError } from "../../runtime/coded-error.ts";
import { Stream } from "../../runtime/stream.ts";
import type { Viewer } from "../../auth/viewer.ts";
import { isDatabaseFailure, isTooSlow } from "../../engine/store/database-error.ts";
import type { ReadingContext } from "./compile-queries.ts";
import { findCause, type MaskError, toCode } from "./mask-error.ts";
import type { Slots } from "./owner-limits.ts";

/** Long enough for all who get an event at once; what else a result contains may change. */
const SHARED_MS = 1_000;

/** An event's result, and whether it is the last of its stream. */
type Made = { readonly result: ExecutionResult; readonly isLast: boolean };
type Context = ReadingContext & { readonly viewer: Viewer };

/**
 * Makes what runs subscriptions, whichever way they came, and bounds them by `slots`. Those of one document with the
 * same variables and rights that get one event share what is made of it. An event that the database fails is the last: a
 * client that reads on from the cursor before it misses nothing.
 */
export function createSubscribe(options: {
  readonly slots: Slots;
  readonly maskError: MaskError;
  readonly channels: Channels;
}) {
  const { slots, maskError, channels } = options;
  const shared = new WeakMap<object, Map<string, Promise<Made>>>();

  async function make(args: ExecutionArgs): Promise<Made> {
    const result = await execute(args);
    const errors = result.errors?.map(maskError);
    if (errors?.[0] === undefined) return { result, isLast: false };
    channels.failedEvent.publish(toCode(errors[0]));
    const causes = result.errors?.map(findCause) ?? [];
    const isLast = causes.some((cause) => isDatabaseFailure(cause) && !isTooSlow(cause));
    return { result: { ...result, errors, ...(isLast && { data: null }) }, isLast };
  }

  function share(event: unknown, key: string, makeAnew: () => Promise<Made>): Promise<Made> {
    if (typeof event !== "object" || event === null) return makeAnew();
    const results = shared.get(event) ?? new Map<string, Promise<Made>>();
    if (results.size === 0) clock.setTimer(() => shared.delete(event), SHARED_MS);
    const made = results.get(key) ?? makeAnew();
    shared.set(event, results.set(key, made));
    return made;
  }

  function read(events: AsyncIterator<unknown>, args: ExecutionArgs, release: () => void) {
    const { reads, viewer }: Context = Object(args.contextValue);
    const { document, operationName, variableValues } = args;
    const text = document.loc?.source.body;
    const common = [text, operationName, variableValues, viewer.ownerId, ...viewer.scopes];
    const key = hash("sha256", JSON.stringify(common));
    let isOver = false;
    const results = new Stream<ExecutionResult>(next, () => {
      release();
      void events.return?.();
    });
    return results;

    async function next(): Promise<IteratorResult<ExecutionResult, undefined>> {
      // The reader is done with the event before, and the next may be a long time coming.
      reads?.startAnew();
      // Thrown between two events, an error would close the whole socket.
      const event = isOver
        ? null
        : await events
            .next()
            .catch((error: unknown) => ({ done: false, value: toError(error, "watching failed") }));
      if (event === null || event.done === true) return await results.return();
      const rootValue = event.value;
      const made = await share(rootValue, key, () => make({ ...args, rootValue }));
      isOver = made.isLast;
      return { value: made.result, done: false };
    }
  }

  return async (given: ExecutionArgs): Promise<ExecutionResult | Stream<ExecutionResult>> => {
    let release = (): void => undefined;
    try {
      release = slots.take(Object(given.contextValue).viewer);
      const source = await createSourceEventStream(given);
      if (isAsyncIterable(source)) return read(source[Symbol.asyncIterator](), given, release);
      release();
      return { errors: source.errors?.map(maskError) ?? [] };
    } catch (error) {
      release();
      return { errors: [maskError(error)] };
    }
  };
}
