import { GraphQLError } from "graphql";
import { isAsyncIterable } from "graphql-yoga";
import type { Plugin } from "graphql-yoga";

import type { Viewer } from "../auth/viewer.ts";
import { LimitError } from "../job/errors.ts";
import { overLimit } from "../schema/coded-errors.ts";
import type { OperationOrigin } from "./operation-origin.ts";
import type { Places } from "./places.ts";

/** Bounds the subscriptions that run, whichever way they came. */
export function createSubscriptionLimit(places: Places): Plugin<OperationOrigin> {
  return {
    onSubscribe({ args: { contextValue }, setResultAndStopExecution }) {
      const leave = attempt(places, contextValue.viewer);
      if (leave instanceof GraphQLError) {
        setResultAndStopExecution({ errors: [leave] });
        return undefined;
      }
      return {
        onSubscribeError: leave,
        onSubscribeResult({ result }) {
          if (!isAsyncIterable(result)) {
            leave();
            return undefined;
          }
          contextValue.onStream?.(() => {
            leave();
            // Nobody has begun to read a stream whose client left before, nor hears how it ends.
            void result.return?.()?.then(undefined, () => undefined);
          });
          return { onEnd: leave };
        },
      };
    },
  };
}

function attempt(places: Places, viewer: Viewer): (() => void) | GraphQLError {
  try {
    return places.take(viewer);
  } catch (error) {
    if (error instanceof LimitError) return overLimit(error);
    throw error;
  }
}
