import type { DocumentNode, ExecutionArgs, ExecutionResult } from "graphql";
import { createSourceEventStream, execute, Kind } from "graphql";
import { isAsyncIterable } from "graphql-yoga";

import { clock } from "../../runtime/environment.ts";
import type { Channels } from "../../engine/diagnostics/channels.ts";
import { toError } from "../../runtime/coded-error.ts";
import { OVER, Stream } from "../../runtime/stream.ts";
import type { Viewer } from "../../auth/viewer.ts";
import { isDatabaseFailure, isTooSlow } from "../../engine/store/database-error.ts";
import type { ReadingContext } from "./compile-queries.ts";
import { findCause, type MaskError, toCode } from "./mask-error.ts";
import type { Slots } from "./owner-limits.ts";

/** Long enough for all who get an event at once; what else a result contains may change. */
const SHARED_MS = 1_000;
const NO_DOCUMENT: DocumentNode = { kind: Kind.DOCUMENT, definitions: [] };

/** An event's result, and whether it is the last of its stream. */
type Made = { readonly result: ExecutionResult; readonly isLast: boolean };
type Context = ReadingContext & { readonly viewer: Viewer };
/** It keeps the text of its document: a stream may stay for days, and parsed it takes fifty times as much. */
type Reader = { readonly args: ExecutionArgs; readonly text: string; readonly context: Context };

/**
 * Makes what runs subscriptions, whichever way they came, and bounds them by `slots`. Those of one document with the same
 * variables and rights that get one event share what is made of it. An event that the database fails is the last: a
 * client that reads on from the cursor before it misses nothing.
 */
export function createSubscribe(options: {
  readonly slots: Slots;
  readonly maskError: MaskError;
  /** Gives the document of a valid text. */
  readonly findDocument: (text: string) => DocumentNode;
  readonly channels: Channels;
}) {
  const { slots, maskError, findDocument, channels } = options;
  const shared = new WeakMap<object, Map<string, Promise<Made>>>();

  async function make(event: unknown, { args, text }: Reader): Promise<Made> {
    const result = await execute({ ...args, document: findDocument(text), rootValue: event });
    const errors = result.errors?.map(maskError);
    if (errors?.[0] === undefined) return { result, isLast: false };
    channels.failedEvent.publish(toCode(errors[0]));
    const causes = result.errors?.map(findCause) ?? [];
    const isLast = causes.some((cause) => isDatabaseFailure(cause) && !isTooSlow(cause));
    return { result: { ...result, errors, ...(isLast && { data: null }) }, isLast };
  }

  function share(event: unknown, key: string, reader: Reader): Promise<Made> {
    if (typeof event !== "object" || event === null) return make(event, reader);
    const results = shared.get(event) ?? new Map<string, Promise<Made>>();
    if (results.size === 0) clock.setTimer(() => shared.delete(event), SHARED_MS);
    const made = results.get(key) ?? make(event, reader);
    shared.set(event, results.set(key, made));
    return made;
  }

  function read(source: AsyncIterable<unknown>, given: ExecutionArgs, release: () => void) {
    const events = source[Symbol.asyncIterator]();
    const context: Context = Object(given.contextValue);
    const reader = { args: { ...given }, text: given.document.loc?.source.body ?? "", context };
    const { ownerId, scopes } = context.viewer;
    const rights = [ownerId, ...[...scopes].toSorted()];
    const key = JSON.stringify([reader.text, given.operationName, given.variableValues, rights]);
    // Who called keeps these as long as the stream is open.
    Object.assign(given, { document: NO_DOCUMENT, variableValues: null });
    Object.assign(reader.args, { document: NO_DOCUMENT });
    let isOver = false;
    const results = new Stream<ExecutionResult>(pull, () => {
      release();
      void events.return?.();
    });
    async function pull(): Promise<IteratorResult<ExecutionResult, undefined>> {
      // The reader is done with the event before, and the next may be a long time coming.
      context.reads?.startAnew();
      const next = isOver ? OVER : await events.next().catch(toLast);
      if (next.done === true) results.end();
      if (next.done === true) return OVER;
      const { result, isLast } = await share(next.value, key, reader);
      isOver = isLast;
      return { value: result, done: false };
    }
    return results;
  }

  return async (given: ExecutionArgs): Promise<ExecutionResult | Stream<ExecutionResult>> => {
    let release = (): void => undefined;
    try {
      release = slots.take(Object(given.contextValue).viewer);
      const source = await createSourceEventStream(given);
      if (isAsyncIterable(source)) return read(source, given, release);
      release();
      return source.errors ? { ...source, errors: source.errors.map(maskError) } : source;
    } catch (error) {
      release();
      return { errors: [maskError(error)] };
    }
  };
}

/** Thrown between two events, an error would close the whole socket. */
function toLast(error: unknown): IteratorYieldResult<Error> {
  return { value: toError(error, "watching failed"), done: false };
}
