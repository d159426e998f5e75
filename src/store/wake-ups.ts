import { type Kysely, sql } from "kysely";
import type { Logger } from "pino";
import { z } from "zod";

import { type ChangeFeed, createChangeFeed } from "./change-feed.ts";
import { startListening } from "./listening-connection.ts";
import { pause } from "./pause.ts";
import type { Tables } from "./tables.ts";

/**
 * How gateways on one Postgres tell each other, and each its own watchers, to look again. Hints only: a lost one is
 * healed by the next re-read.
 */
export type WakeUps = Pick<ChangeFeed, "subscribe" | "subscribeToAll"> & {
  /** Tells this process at once, and the others within moments, that the job has changed. Call it after the commit. */
  announce(jobId: string): void;
  /** Tells the others that jobs were given up. Never rejects. */
  handOver(): Promise<void>;
  /** Calls back when another gateway has given up jobs. Returns how to stop that. */
  onHandover(claim: () => void): () => void;
  /** Stops listening, and waits for what is being sent; drops what is not. */
  close(): Promise<void>;
};

const CHANNEL = "runcomfy_gateway";
const BETWEEN_MESSAGES_MS = 200;

/** Postgres refuses a payload of 8,000 bytes; what surrounds the ids takes less than a hundred. */
const MOST_BYTES_OF_IDS = 7_800;

/** From gateway `g`: these jobs (`j`), or any (`all`), have changed; `k` is "handover" when it has given up jobs. */
const Message = z.object({
  g: z.string(),
  j: z.array(z.string()).optional(),
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
  const handovers = createChangeFeed(log);
  const pending = createPendingIds();
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
    subscribe: changes.subscribe,
    subscribeToAll: changes.subscribeToAll,

    announce(jobId) {
      changes.announce(jobId);
      pending.add(jobId);
      if (!isSending) void sendPending();
    },

    handOver: () => send({ g: gatewayId, k: "handover", ...pending.take() }),

    onHandover: (claim) => handovers.subscribeToAll(claim),

    async close() {
      closing.abort();
      await connection.close();
      await Promise.all(underWay);
    },
  };

  /** The first change at once, then one message per interval with all that came meanwhile. */
  async function sendPending(): Promise<void> {
    isSending = true;
    while (!closing.signal.aborted && !pending.isEmpty()) {
      const message = { g: gatewayId, ...pending.take() };
      await Promise.all([send(message), pause(BETWEEN_MESSAGES_MS, closing.signal)]);
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
    for (const jobId of message.j ?? []) changes.announce(jobId);
    if (message.k === "handover") handovers.announceAll();
  }
}

/** Of the one gateway on a SQLite file: there is nobody else to tell. */
export function createLonelyWakeUps(log: Logger): WakeUps {
  const { announce, subscribe, subscribeToAll } = createChangeFeed(log);
  return {
    announce,
    subscribe,
    subscribeToAll,
    handOver: () => Promise.resolve(),
    onHandover: () => () => undefined,
    close: () => Promise.resolve(),
  };
}

function readMessage(payload: string): z.infer<typeof Message> | null {
  try {
    return Message.safeParse(JSON.parse(payload)).data ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Ids that wait to be sent, each once; more than a message holds become "any". */
function createPendingIds() {
  const ids = new Set<string>();
  let bytes = 0;
  let isAll = false;
  return {
    isEmpty: () => ids.size === 0 && !isAll,

    add(id: string): void {
      if (isAll || ids.has(id)) return;
      ids.add(id);
      bytes += Buffer.byteLength(JSON.stringify(id)) + 1;
      if (bytes <= MOST_BYTES_OF_IDS) return;
      isAll = true;
      ids.clear();
    },

    take(): { all?: true; j?: string[] } {
      const taken = isAll ? { all: true as const } : ids.size > 0 ? { j: [...ids] } : {};
      ids.clear();
      bytes = 0;
      isAll = false;
      return taken;
    },
  };
}
