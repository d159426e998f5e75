import type { DocumentNode, ExecutionArgs, ExecutionResult } from "graphql";
import { createSourceEventStream, execute, getOperationAST } from "graphql";
import { isAsyncIterable } from "graphql-yoga";

import { clock } from "../../runtime/environment.ts";
import type { Channels } from "../../engine/diagnostics/channels.ts";
import { toError } from "../../runtime/coded-error.ts";
import { OVER, Stream } from "../../runtime/stream.ts";
import type { Release } from "../../runtime/queue.ts";
import type { Viewer } from "../../auth/viewer.ts";
import type { GatewayContext } from "../schema/context.ts";
import { isDatabaseFailure, isTooSlow } from "../../engine/store/database-error.ts";
import type { ReadingContext } from "./compile-queries.ts";
import { findCause, type MaskError, toCode } from "./mask-error.ts";
import type { Slots } from "./owner-limits.ts";

/** Long enough for all who get an event at once; what else a result contains may change. */
const SHARED_MS = 1_000;
/** How often an event is made once more while the database fails. */
const RETRY_MS = 1_000;
/** Results of one event: documents, variables and rights that differ. */
const MAX_SHARED = 100;

type Made = IteratorYieldResult<ExecutionResult>;
type Next = IteratorResult<ExecutionResult, undefined>;

/** By what their readers have in common. */
type Results = Map<string, Made | Promise<Made>>;

type Context = ReadingContext & Pick<GatewayContext, "viewer">;

/**
 * One who subscribes, and the key of what they share with others. Of what they came with they hold the text of the
 * document, as parsed it takes fifty times as much, and the variables that it declares: a stream may stay for days.
 */
type Reader = {
  readonly args: Omit<ExecutionArgs, "document">;
  readonly text: string;
  readonly context: Context;
  readonly key: string;
  readonly isLeft: () => boolean;
};

/**
 * Makes what runs subscriptions, whichever way they came, and bounds them by `slots`. Those of one document with the same
 * variables and rights that get one event share what is made of it. A result with errors is nobody else's, but for
 * the gateway's own mistakes: it may be about the room that one reader's answers have left.
 */
export function createSubscribe({
  slots,
  maskError,
  findDocument,
  channels,
}: {
  readonly slots: Slots;
  readonly maskError: MaskError;
  /** Gives the document of a valid text. */
  readonly findDocument: (text: string) => DocumentNode;
  readonly channels: Channels;
}) {
  const made = new WeakMap<object, Results>();
  const documents = new WeakMap<DocumentNode, number>();
  let documentCount = 0;
  const rights = new WeakMap<Viewer, string>();

  function toKey({ document, operationName, variableValues }: ExecutionArgs, { viewer }: Context) {
    const number = documents.get(document) ?? (documentCount += 1);
    documents.set(document, number);
    const own =
      rights.get(viewer) ?? JSON.stringify([viewer.ownerId, ...[...viewer.scopes].toSorted()]);
    rights.set(viewer, own);
    return JSON.stringify([number, operationName, variableValues, own]);
  }

  function mask(result: ExecutionResult): ExecutionResult {
    return result.errors === undefined
      ? result
      : { ...result, errors: result.errors.map(maskError) };
  }

  /**
   * An event whose fields can't be read waits for the database. If an error took its place, a client that continues from
   * the next event's cursor would never get it, and a final one does not come again.
   */
  async function make(event: unknown, { args, text, context, isLeft }: Reader): Promise<Made> {
    for (;;) {
      const result = await execute({ ...args, document: findDocument(text), rootValue: event });
      const isUnreachable = result.errors
        ?.map(findCause)
        .some((cause) => isDatabaseFailure(cause) && !isTooSlow(cause));
      // One that is an error ends its stream.
      if (isUnreachable !== true || event instanceof Error || isLeft()) {
        const value = mask(result);
        const [first] = value.errors ?? [];
        if (first !== undefined) channels.failedEvent.publish(toCode(first));
        return { value, done: false };
      }
      await new Promise<void>((resolve) => clock.setTimer(resolve, RETRY_MS));
      context.reads?.startAnew();
    }
  }

  function begin(event: object): Results {
    const results: Results = new Map();
    made.set(event, results);
    clock.setTimer(() => made.delete(event), SHARED_MS);
    return results;
  }

  function share(event: unknown, reader: Reader): Made | Promise<Made> {
    if (typeof event !== "object" || event === null) return make(event, reader);
    const results = made.get(event) ?? begin(event);
    const known = results.get(reader.key);
    if (known instanceof Promise) return known.then((one) => ofAll(one, event, reader));
    if (known !== undefined) return ofAll(known, event, reader);
    const own = make(event, reader);
    if (results.size >= MAX_SHARED) return own;
    results.set(reader.key, own);
    return own.then((one) => {
      results.set(reader.key, one);
      return one;
    });
  }

  /** What another reader was made, or the reader's own where it is not for all. */
  function ofAll(one: Made, event: unknown, reader: Reader): Made | Promise<Made> {
    const { errors } = one.value;
    const isForAll = errors?.every((error) => toCode(error) === "INTERNAL_SERVER_ERROR") ?? true;
    return isForAll ? one : make(event, reader);
  }

  return async (given: ExecutionArgs): Promise<ExecutionResult | Stream<ExecutionResult>> => {
    const text = given.document.loc?.source.body ?? "";
    const args = { ...given, variableValues: pickDeclared(given) };
    const context: Context = Object(args.contextValue);
    let release: Release;
    try {
      release = slots.take(context.viewer);
    } catch (error) {
      return { errors: [maskError(error)] };
    }
    let source: Awaited<ReturnType<typeof createSourceEventStream>> | null = null;
    try {
      source = await createSourceEventStream(args);
    } finally {
      if (!isAsyncIterable(source)) release();
    }
    if (!isAsyncIterable(source)) return mask(source);
    const events = source[Symbol.asyncIterator]();
    const { document: _, ...rest } = args;
    const key = toKey(args, context);
    const toResult = (next: IteratorResult<unknown>): Next | Promise<Made> => {
      if (next.done !== true) return share(next.value, reader);
      release();
      return OVER;
    };
    // Thrown between two events, an error would close the whole socket.
    const toLastResult = (error: unknown): Made | Promise<Made> =>
      share(toError(error, "watching failed"), reader);
    const results = new Stream<ExecutionResult>(
      () => {
        // The reader is done with the event before, and the next may be a long time coming.
        context.reads?.startAnew();
        return events.next().then<Next, Made>(toResult, toLastResult);
      },
      () => {
        release();
        void events.return?.();
      },
    );
    const reader = { args: rest, text, context, key, isLeft: () => results.isOver };
    return results;
  };
}

function pickDeclared({ document, operationName, variableValues }: ExecutionArgs) {
  const declared = getOperationAST(document, operationName)?.variableDefinitions ?? [];
  const names = new Set(declared.map(({ variable }) => variable.name.value));
  return Object.fromEntries(
    Object.entries(variableValues ?? {}).filter(([name]) => names.has(name)),
  );
}
