import { createHash, randomUUID } from "node:crypto";

import { type Kysely, sql } from "kysely";
import type { Logger } from "pino";
import { z } from "zod";

import { createChangeFeed } from "./change-feed.ts";
import { startListening } from "./listening-connection.ts";
import { sleepFor } from "../runtime/sleep.ts";
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
  const gatewayId = randomUUID();
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
