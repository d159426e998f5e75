import { createHash } from "node:crypto";

import { type Kysely, sql } from "kysely";
import type { Logger } from "pino";
import { z } from "zod";

import { type ChangeFeed, createChangeFeed } from "./change-feed.ts";
import type { Feed } from "./job-store.ts";
import { startListening } from "./listening-connection.ts";
import { sleepFor } from "./sleep.ts";
import type { Tables } from "./tables.ts";

/**
 * How gateways on one Postgres tell each other, and each its own watchers, to look again. Hints only: a lost one is
 * healed by the next re-read.
 */
export type WakeUps = Pick<Feed, "subscribeToJob" | "subscribe"> & {
  /**
   * Tells this process at once, and the others within moments, that the job has changed: with an owner who watches the
   * feed too. Call it after the commit.
   */
  announce(jobId: string, ownerId?: string): void;
  /** Tells the others that jobs were given up. Never rejects. */
  handOver(): Promise<void>;
  /** Calls back when another gateway has given up jobs. Returns how to stop that. */
  onHandover(claim: () => void): () => void;
  /** Stops listening, and waits for what is being sent; drops what is not. */
  close(): Promise<void>;
};

const CHANNEL = "runcomfy_gateway";
const BETWEEN_MESSAGES_MS = 200;

/** Postgres refuses a payload of 8,000 bytes; what surrounds the topics takes less than a hundred. */
const MOST_BYTES_OF_TOPICS = 7_800;

/** The topic of whoever watches everybody's jobs. Others are a job's id, and an owner's mark. */
const EVERYBODY = "*";

/** From gateway `g`: these topics (`t`), or any (`all`), have news; `k` is "handover" when it has given up jobs. */
const Message = z.object({
  g: z.string(),
  t: z.array(z.string()).optional(),
  all: z.boolean().optional(),
  // A later version may have other kinds; this one then hears what it knows of the rest.
  k: z.string().optional(),
});

/** Listens on a connection of its own and sends over the pool. Postgres may be away: then it goes on trying. */
export async function startWakeUps(dependencies: {
  readonly databaseUrl: string;
  readonly queries: Kysely<Tables>;
  readonly gatewayId: string;
  readonly heartbeatMs: number;
  readonly log: Logger;
}): Promise<WakeUps> {
  const { databaseUrl, queries, gatewayId, heartbeatMs, log } = dependencies;
  const changes = createChangeFeed(log);
  const claims = new Set<() => void>();
  const pending = createPendingTopics();
  const closing = new AbortController();
  const underWay = new Set<Promise<unknown>>();
  let isSending = false;
  let isFailing = false;

  const connection = await startListening({
    databaseUrl,
    channel: CHANNEL,
    onMessage: hear,
    onListening: () => changes.announceAll(),
    send: notify,
    heartbeatMs,
    log,
  });

  return {
    ...subscribeTo(changes),

    announce(jobId, ownerId) {
      for (const topic of toTopics(jobId, ownerId)) {
        changes.announce(topic);
        pending.add(topic);
      }
      if (!isSending) void sendPending();
    },

    handOver: () => send({ g: gatewayId, k: "handover", ...pending.take() }),

    onHandover(claim) {
      claims.add(claim);
      return () => claims.delete(claim);
    },

    async close() {
      closing.abort();
      changes.close();
      await connection.close();
      await Promise.all(underWay);
    },
  };

  /** The first change at once, then one message per interval with all that came meanwhile. */
  async function sendPending(): Promise<void> {
    isSending = true;
    while (!closing.signal.aborted && !pending.isEmpty()) {
      const message = { g: gatewayId, ...pending.take() };
      await Promise.all([send(message), sleepFor(BETWEEN_MESSAGES_MS, closing.signal)]);
    }
    isSending = false;
  }

  async function send(message: z.infer<typeof Message>): Promise<void> {
    const sent = notify(CHANNEL, JSON.stringify(message));
    underWay.add(sent);
    await sent;
    underWay.delete(sent);
  }

  /** False when it could not be sent. */
  async function notify(channel: string, payload: string): Promise<boolean> {
    try {
      await sql`select pg_notify(${channel}, ${payload})`.execute(queries);
      isFailing = false;
      return true;
    } catch (error) {
      if (!isFailing) {
        log.warn(
          { err: error },
          "other gateways can't be told of changes and see them at their next re-read; check the database if this lasts",
        );
      }
      isFailing = true;
      return false;
    }
  }

  function hear(payload: string): void {
    const message = readMessage(payload);
    if (message === null) {
      log.debug("a message on the gateways' channel was not theirs and is ignored");
      return;
    }
    if (message.g === gatewayId) return;
    if (message.all === true) changes.announceAll();
    for (const topic of message.t ?? []) changes.announce(topic);
    if (message.k === "handover") for (const claim of claims) claim();
  }
}

/** Of the one gateway on a SQLite file: there is nobody else to tell. */
export function createLonelyWakeUps(log: Logger): WakeUps {
  const changes = createChangeFeed(log);
  return {
    ...subscribeTo(changes),
    announce(jobId, ownerId) {
      for (const topic of toTopics(jobId, ownerId)) changes.announce(topic);
    },
    handOver: () => Promise.resolve(),
    onHandover: () => () => undefined,
    async close() {
      changes.close();
    },
  };
}

function subscribeTo(changes: ChangeFeed): Pick<Feed, "subscribeToJob" | "subscribe"> {
  return {
    subscribeToJob: changes.subscribe,
    subscribe: (ownerId, wake) =>
      changes.subscribe(ownerId === undefined ? EVERYBODY : toMark(ownerId), wake),
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
    return Message.safeParse(JSON.parse(payload)).data ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Topics that wait to be sent, each once; more than a message holds become "any". */
function createPendingTopics() {
  const topics = new Set<string>();
  let bytes = 0;
  let isAll = false;
  return {
    isEmpty: () => topics.size === 0 && !isAll,

    add(topic: string): void {
      if (isAll || topics.has(topic)) return;
      topics.add(topic);
      bytes += Buffer.byteLength(JSON.stringify(topic)) + 1;
      if (bytes <= MOST_BYTES_OF_TOPICS) return;
      isAll = true;
      topics.clear();
    },

    take(): { all?: true; t?: string[] } {
      const taken = isAll ? { all: true as const } : topics.size > 0 ? { t: [...topics] } : {};
      topics.clear();
      bytes = 0;
      isAll = false;
      return taken;
    },
  };
}
