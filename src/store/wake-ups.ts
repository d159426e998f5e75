import { createHash } from "node:crypto";

import { type Kysely, sql } from "kysely";
import type { Logger } from "pino";
import { z } from "zod";

import { chance, clock } from "../runtime/environment.ts";
import { startListening } from "./listening-connection.ts";
import { sleepFor } from "../runtime/loop.ts";
import type { Tables } from "./tables.ts";

/** How gateways on one Postgres tell each other, and their own watchers, to read again. A lost hint costs 15 s. */
export type WakeUps = ReturnType<typeof createLocalWakeUps>;

const CHANNEL = "runcomfy_gateway";
const BETWEEN_MESSAGES_MS = 200;

/** Postgres refuses a payload of 8,000 bytes; what surrounds the topics takes less than a hundred. */
const MAX_BYTES_OF_TOPICS = 7_800;
/** Far more than fit into a message. */
const MAX_PENDING = 1_000;

/** The topic of whoever watches everybody's jobs; others are a job's id and an owner's mark. */
const EVERYBODY = "*";

/** From gateway `g`: these topics (`t`), or any (`all`), have news. A later version may tell more. */
const Message = z.object({
  g: z.string(),
  t: z.array(z.string()).optional(),
  all: z.boolean().optional(),
});

/** Listens on a connection of its own, which it reopens as often as needed, and sends over the pool. */
export async function startWakeUps(dependencies: {
  readonly databaseUrl: string;
  readonly queries: Kysely<Tables>;
  readonly heartbeatMs: number;
  readonly log: Logger;
}): Promise<WakeUps> {
  const { databaseUrl, queries, heartbeatMs, log } = dependencies;
  const gatewayId = chance.uuid();
  const changes = createChangeFeed();
  const local = createLocalWakeUps(changes);
  const pending = new Set<string>();
  const closing = new AbortController();
  let isSending = false;
  let isFailing = false;

  const connection = await startListening({
    databaseUrl,
    channel: CHANNEL,
    onMessage: hear,
    onListening: () => changes.announceAll(),
    heartbeatMs,
    log,
  });

  return {
    ...local,
    announce(jobId, ownerId) {
      local.announce(jobId, ownerId);
      for (const topic of toTopics(jobId, ownerId)) {
        if (pending.size < MAX_PENDING) pending.add(topic);
      }
      if (!isSending) void sendPending();
    },

    async close() {
      closing.abort();
      await local.close();
      await connection.close();
    },
  };

  /** The first change at once, then one message per interval with all that came meanwhile. */
  async function sendPending(): Promise<void> {
    isSending = true;
    while (!closing.signal.aborted && pending.size > 0) {
      const topics = [...pending];
      pending.clear();
      await Promise.all([send(topics), sleepFor(BETWEEN_MESSAGES_MS, closing.signal)]);
    }
    isSending = false;
  }

  /** More topics than a message holds become "any". Never rejects. */
  async function send(topics: readonly string[]): Promise<void> {
    const text = JSON.stringify(topics);
    const isAll = topics.length === MAX_PENDING || Buffer.byteLength(text) > MAX_BYTES_OF_TOPICS;
    const news = isAll ? { all: true } : { t: topics };
    const payload = JSON.stringify({ g: gatewayId, ...news });
    try {
      await sql`select pg_notify(${CHANNEL}, ${payload})`.execute(queries);
      isFailing = false;
    } catch (error) {
      // What a close cut off is no outage.
      if (!isFailing && !closing.signal.aborted) {
        log.warn(
          { err: error },
          "Other gateways can't be told of changes and see them at their next re-read. Check the database if this lasts.",
        );
      }
      isFailing = true;
    }
  }

  function hear(payload: string): void {
    const message = readMessage(payload);
    if (message === null || message.g === gatewayId) return;
    if (message.all === true) changes.announceAll();
    for (const topic of message.t ?? []) changes.announce(topic);
  }
}

/** For the one gateway on a SQLite file: there is nobody else to tell. */
export function createLocalWakeUps(changes = createChangeFeed()) {
  return {
    subscribeToJob: changes.subscribe,
    subscribe: (ownerId: string | undefined, wake: () => void) =>
      changes.subscribe(ownerId === undefined ? EVERYBODY : toMark(ownerId), wake),
    /** Call it after the commit. With an owner it wakes who watches the feed, too. */
    announce(jobId: string, ownerId?: string): void {
      for (const topic of toTopics(jobId, ownerId)) changes.announce(topic);
    },
    /** Drops what is not sent yet. */
    close: async () => changes.close(),
  };
}

function toTopics(jobId: string, ownerId: string | undefined): readonly string[] {
  return ownerId === undefined ? [jobId] : [jobId, toMark(ownerId), EVERYBODY];
}

/** Short, so that many fit into a message; two owners of one mark would only wake each other's watchers. */
function toMark(ownerId: string): string {
  return `@${createHash("sha256").update(ownerId).digest("base64url").slice(0, 12)}`;
}

function readMessage(payload: string): z.infer<typeof Message> | null {
  try {
    return Message.parse(JSON.parse(payload));
  } catch {
    // Anybody may write to the channel.
    return null;
  }
}

/** Each topic is read again so often, in one of so many turns: the topics of one turn share their statements. */
const REPEAT_MS = 15_000;
const TURNS = 15;
const EARLIEST_TURN = 7;

/** Who listens to a topic, and the turn in which it is read again. */
type Topic = { readonly turn: number; readonly listeners: Set<Listener> };
// An object each, so that one function may listen twice and leave once.
type Listener = { readonly wake: () => void };

/** Tells this process's watchers of a topic to read again. */
export function createChangeFeed() {
  const topics = new Map<string, Topic>();
  let opened = 0;
  let next = 0;
  let stopTimer: (() => void) | undefined;

  function announce(name: string): void {
    // Over a copy: listeners may leave and join meanwhile.
    for (const { wake } of [...(topics.get(name)?.listeners ?? [])]) wake();
  }

  function repeat(): void {
    for (const [name, { turn }] of [...topics]) if (turn === next) announce(name);
    next = (next + 1) % TURNS;
  }

  function open(name: string): Topic {
    // Not the next turns: whoever subscribes has just read.
    const turn = (next + EARLIEST_TURN + (opened++ % (TURNS - EARLIEST_TURN))) % TURNS;
    const topic = { turn, listeners: new Set<Listener>() };
    topics.set(name, topic);
    stopTimer ??= clock.repeat(repeat, REPEAT_MS / TURNS);
    return topic;
  }

  function stop(): void {
    stopTimer?.();
    stopTimer = undefined;
  }

  return {
    announce,

    /** Wakes everybody, when nobody knows what changed. */
    announceAll(): void {
      for (const name of [...topics.keys()]) announce(name);
    },

    /** Wakes for a topic, and every 15 s since news may be lost. Returns how to stop that. */
    subscribe(name: string, wake: () => void): () => void {
      const { listeners } = topics.get(name) ?? open(name);
      const listener = { wake };
      listeners.add(listener);
      return () => {
        if (listeners.delete(listener) && listeners.size === 0) topics.delete(name);
        if (topics.size === 0) stop();
      };
    },

    close(): void {
      stop();
      topics.clear();
    },
  };
}
