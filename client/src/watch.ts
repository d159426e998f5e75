import type { Client as Socket } from "graphql-ws";

import { toClosed } from "./connection.ts";
import { JOB_UPDATED, SUBMIT_JOB, toPayload, type TypedDocument } from "./documents.ts";
import { platform } from "./environment.ts";
import { GatewayError, toError } from "./gateway-error.ts";
import type { JobUpdatedSubscription, QueueInput } from "./gql.ts";
import { createKey } from "./idempotency-keys.ts";
import type { createRequests } from "./request.ts";
import type { OnAttempt } from "./until-answered.ts";

const MAX_PAUSE_MS = 30_000;

/** How long to wait after so many failures before it is tried again. */
export function toPauseMs({ retryAfterSeconds }: GatewayError, failures: number): number {
  return Math.min(1_000 * Math.max(retryAfterSeconds ?? 0, 2 ** failures), MAX_PAUSE_MS);
}

export type Job = JobUpdatedSubscription["jobUpdated"];

export type Sink<Data> = {
  next(data: Data): void;
  /** The stream goes on where the error is `retryable`, and has ended otherwise. */
  error?(error: GatewayError): void;
  complete?(): void;
};

/** What comes over the socket. */
export function createStreams(socket: Socket, submit: ReturnType<typeof createRequests>["submit"]) {
  /** Streams a subscription over the socket, however often that breaks, until the gateway or the returned function ends it. */
  function subscribe<Data, Variables extends Record<string, unknown>>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    sink: Sink<Data>,
  ): () => void {
    let failures = 0;
    let timer: unknown;
    let leave = begin();

    function begin(): () => void {
      let isOver = false;
      const end = socket.subscribe<Data>(
        // It reads the variables anew whenever it is back, so a cursor in them may move.
        toPayload(document, variables),
        {
          next({ data, errors }) {
            if (isOver) return undefined;
            if (!data) return fail(toError(errors));
            failures = 0;
            try {
              return sink.next(data);
            } catch (error) {
              // Not to the socket, which would close for all, and come back to the same.
              return queueMicrotask(() => {
                throw error;
              });
            }
          },
          error(cause) {
            const { code, reason: message } = toClosed(cause);
            fail(code ? new GatewayError({ code: "REFUSED", message }) : toError(cause));
          },
          complete() {
            if (!isOver) sink.complete?.();
            isOver = true;
          },
        },
      );

      function fail(error: GatewayError): void {
        if (isOver) return;
        isOver = true;
        end();
        if (error.retryable)
          timer = platform.setTimeout(() => (leave = begin()), toPauseMs(error, failures++));
        sink.error?.(error);
      }

      return () => {
        isOver = true;
        end();
      };
    }

    return () => {
      platform.clearTimeout(timer);
      leave();
    };
  }

  /** Watches the job that `begin` gives. */
  function watch(begin: () => Promise<{ readonly id: string }>): AsyncGenerator<Job, void> {
    let latest: Job | undefined;
    let version = -1;
    let failure: GatewayError | undefined;
    let isOver = false;
    let leave: (() => void) | undefined;
    let wake: (() => void) | undefined;
    function end(): void {
      isOver = true;
      leave?.();
      wake?.();
    }

    async function* toStates(): AsyncGenerator<Job, void> {
      const { id } = await begin();
      if (isOver) return;
      leave = subscribe(
        JOB_UPDATED,
        { id },
        {
          next({ jobUpdated }) {
            latest = jobUpdated;
            wake?.();
          },
          error(error) {
            if (error.retryable) return;
            failure = error;
            end();
          },
          complete: end,
        },
      );
      for (;;) {
        const job = latest;
        latest = undefined;
        if (job && (job.version > version || job.estimate)) {
          version = job.version;
          yield job;
        } else if (failure) throw failure;
        else if (isOver) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    }

    const states = toStates();
    const finish = states.return.bind(states);
    // Also called where a loop is left. A generator that waits would return only afterwards.
    states.return = async () => {
      end();
      return await finish();
    };
    return states;
  }

  return {
    subscribe,

    /** A job as it is now, then its newest state after each change; ends after the final one. Throws a `GatewayError`. */
    watchJob: (id: string): AsyncGenerator<Job, void> => watch(async () => ({ id })),

    /**
     * Submits a job and watches it to its end. Throws a `GatewayError` where it is refused, and where it may pass later or
     * nobody knows: the message has the `key` to submit it again with, so that it is paid once.
     */
    submitAndWatch: ({
      key = createKey(),
      onAttempt,
      ...job
    }: {
      readonly deploymentId: string;
      readonly input: unknown;
      readonly tags?: readonly string[];
      readonly queue?: QueueInput;
      readonly key?: string;
      /** As of `submit`. */
      readonly onAttempt?: OnAttempt;
    }): AsyncGenerator<Job, void> =>
      watch(async () => {
        const result = await submit(SUBMIT_JOB, { ...job, key }, onAttempt).catch(
          (cause: unknown) => {
            // An earlier try may have come through, whatever the last one met.
            if (!(cause instanceof GatewayError) || !cause.retryable) throw cause;
            const message = `${cause.message} Submit it again with key: "${key}" to pay once.`;
            throw new GatewayError({ ...cause, message }, { cause });
          },
        );
        if (result.__typename !== "SubmitJobSuccess") throw new GatewayError(result);
        return result.job;
      }),
  };
}
