import type { AsyncLocalStorage } from "node:async_hooks";
import type { Channel as NodeChannel } from "node:diagnostics_channel";
import { channel, tracingChannel } from "node:diagnostics_channel";

import type { BaseLogger } from "pino";

import { LimitError } from "../../runtime/coded-error.ts";
import { chance } from "../../runtime/environment.ts";
import type { Job } from "../job/job.ts";

export type Channels = ReturnType<typeof createChannels>;

/**
 * On which one gateway publishes what it does, for counters and traces. Publishing costs next to nothing while
 * nobody has subscribed; where many messages are made, ask for `hasSubscribers` first.
 */
export function createChannels() {
  // Node knows channels by their names, and several gateways may run in one process.
  const prefix = `runcomfy-graphql:${chance.uuid()}`;
  const open = <Message>(name: string): Channel<Message> => channel<Message>(`${prefix}:${name}`);
  const trace = <Message extends object>(name: string): Traced<Message> =>
    tracingChannel<unknown, Message>(`${prefix}:${name}`);
  return {
    /** An operation, or the beginning of a subscription. */
    operation: trace<OperationMessage>("operation"),
    /** A request to RunComfy: each attempt of a submit, and probes too. */
    call: trace<{ readonly call: string; readonly method: string } & Timed>("call"),
    /** The HTTP status of the answer to a call, published within the call. */
    answered: open<number>("answered"),
    /** The outcome of a submit: `accepted`, `refused` or `never-arrived`. The job says the rest. */
    submitted: open<string>("submitted"),
    /** A poll that is sent to RunComfy, with the `traceparent` of its job. */
    poll: trace<{ readonly job: Job; readonly traceparent: string | null }>("poll"),
    /** What a poll found; `derived` where that followed from others. */
    polled: open<string>("polled"),
    /** The outcome of RunComfy's call about a job's end: `taken`, `dropped` where too many wait, or `refused`. */
    upstreamWebhooks: open<string>("upstreamWebhooks"),
    /** A job whose poll was claimed once more, as the earlier claim had expired. */
    takenOver: open<Job>("takenOver"),
    /** The text of an SQL statement. */
    sql: open<string>("sql"),
    /** A method of the store: a statement, or a transaction. */
    statement: trace<{
      readonly system: string;
      readonly table: string;
      readonly method: string;
    }>("statement"),
    /** A job is about to be inserted; a subscriber may set the `traceparent` that is kept with it. */
    inserting: open<{ traceparent: string | null }>("inserting"),
    /** A job that was inserted, or its new version up to its end, which is published once: no later cost or file. */
    stored: open<Job>("stored"),
    /** Within it watchers are woken, who do not belong to the write that wakes them. */
    wakeUp: channel(`${prefix}:wakeUp`),
    /** The outcome of keeping a file. */
    settled: open<string>("settled"),
    /** An event that was sent to a watcher. */
    sent: open<SentEvent>("sent"),
    /** The code of an event that could not be made. */
    failedEvent: open<string>("failedEvent"),
    /** The limit by which an owner was refused. */
    refused: open<string>("refused"),
  };
}

export type OperationMessage = {
  readonly kind: string;
  /** The client's. */
  readonly name: string | null;
  readonly traceparent: unknown;
  /** The code of the result's first error, once there is one. */
  code: string | null;
} & Timed;

export type SentEvent = {
  readonly of: "job" | "feed";
  readonly job: Job | null;
  /** When it was there to be sent, in milliseconds since 1970. */
  readonly at: number;
};

/** By the monotonic clock. */
type Timed = { readonly startedAt: number };

// Node's types leave open what listeners get: here it is what `runStores`, and the `publish` below, take.
declare module "diagnostics_channel" {
  function channel<Message>(name: string): Channel<unknown, Message>;
  interface Channel<StoreType, ContextType> {
    subscribe(listener: (message: ContextType) => void): void;
    unsubscribe(listener: (message: ContextType) => void): void;
  }
}

/** Node's, on which messages of one type are published. */
export type Channel<Message> = Pick<NodeChannel<unknown, Message>, "hasSubscribers"> & {
  publish(message: Message): void;
  subscribe(listener: (message: Message) => void): void;
  unsubscribe(listener: (message: Message) => void): void;
};

type Bindable<Message> = Pick<NodeChannel<unknown, Message>, "bindStore" | "unbindStore">;

/** Node's tracing channel, for what is asynchronous. */
export type Traced<Message> = {
  readonly hasSubscribers: boolean;
  readonly start: Bindable<Message>;
  readonly asyncEnd: Channel<Message & { readonly error?: unknown; readonly result?: unknown }>;
  tracePromise<Result>(act: () => Promise<Result>, message: Message): Promise<Result>;
};

/**
 * The subscriptions of one observer. Node would let what a subscriber throws end the process; here it is logged, and
 * what is observed goes on.
 */
export function createSubscriptions(log: Pick<BaseLogger, "error">) {
  const subscriptions = new DisposableStack();
  let hasFailed = false;

  function attempt<Value>(act: () => Value): Value | null {
    try {
      return act();
    } catch (error) {
      if (!hasFailed) log.error({ err: error }, FAILS);
      hasFailed = true;
      return null;
    }
  }

  return {
    on<Message>(one: Channel<Message>, handle: (message: Message) => void): void {
      const listener = (message: Message): void => void attempt(() => handle(message));
      one.subscribe(listener);
      subscriptions.defer(() => one.unsubscribe(listener));
    },
    /** What runs on the channel runs with what `toStore` makes of its message. */
    bind<Message, Store>(
      one: Bindable<Message>,
      store: AsyncLocalStorage<Store | null>,
      toStore: (message: Message) => Store | null,
    ): void {
      one.bindStore(store, (message) => attempt(() => toStore(message)));
      subscriptions.defer(() => one.unbindStore(store));
    },
    close: () => subscriptions.dispose(),
  };
}

const FAILS =
  "What observes the gateway failed, so what it shows may have gaps. Please report this as a bug in the gateway.";

/** Resolves or rejects as `asked` does, and publishes the limit by which that is refused. */
export async function publishRefusal<Result>(
  { refused }: Pick<Channels, "refused">,
  asked: Promise<Result>,
): Promise<Result> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof LimitError) refused.publish(error.limitName);
    throw error;
  }
}
