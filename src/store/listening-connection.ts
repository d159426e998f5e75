import { randomUUID } from "node:crypto";
import { Socket } from "node:net";

import pg from "pg";
import type { Logger } from "pino";

import { sleepFor } from "../runtime/sleep.ts";

const MIN_BACK_OFF_MS = 500;
const MAX_BACK_OFF_MS = 5_000;

const LOST =
  "The connection that hears of other gateways' changes was lost and is being reopened. Until then those changes show up to 15 s late. Check the database if this lasts.";
const UNHEARD =
  "Other gateways' changes are not heard, as behind a pooler in transaction mode. Connect to Postgres directly, or set the pooler to session mode. Until then those changes show up to 15 s late.";

/**
 * A connection that listens to a channel. It is reopened, with back-off, when it ends, or when a heartbeat finds that it
 * does not answer or hear. Resolves once the first attempt has listened or failed.
 *
 * To learn whether it hears, it sends an echo over another connection: behind a pooler in transaction mode
 * `pg_listening_channels()` is often answered by a session that has listened, but whose messages reach nobody.
 */
export async function startListening(options: {
  readonly databaseUrl: string;
  readonly channel: string;
  readonly onMessage: (payload: string) => void;
  /** It listens from now on; what was sent before is lost. */
  readonly onListening: () => void;
  /** Sends a message over another connection. False when that failed; never rejects. */
  readonly send: (channel: string, payload: string) => Promise<boolean>;
  /** How often it has to answer; each answer may take three fifths of that. */
  readonly heartbeatMs: number;
  readonly log: Logger;
}): Promise<{ close(): Promise<void> }> {
  const { databaseUrl, channel, onMessage, onListening, send, heartbeatMs, log } = options;
  const answerMs = heartbeatMs * 0.6;
  const echoChannel = `${channel}_echo`;
  const echo = randomUUID();
  const closing = new AbortController();
  const tried = Promise.withResolvers<void>();
  let failures = 0;
  /** The warnings of this outage, each of which comes once. */
  const warned = new Set<string>();
  const ended = keepListening();
  await tried.promise;
  return {
    async close() {
      closing.abort();
      await ended;
    },
  };

  async function keepListening(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await listenUntilLost();
      } catch (error) {
        const warning = error instanceof UnheardError ? UNHEARD : LOST;
        // What a close cut off is no outage.
        if (!warned.has(warning) && !closing.signal.aborted) log.warn({ err: error }, warning);
        warned.add(warning);
        failures += 1;
      }
      tried.resolve();
      const backOffMs = Math.min(MAX_BACK_OFF_MS, MIN_BACK_OFF_MS * 2 ** (failures - 1));
      await sleepFor(backOffMs * (0.5 + Math.random() / 2), closing.signal);
    }
  }

  /** Rejects when the connection is lost or closed. */
  async function listenUntilLost(): Promise<never> {
    // A socket of our own, because to end a client waits for an answer, which a dead connection never gives.
    const socket = new Socket();
    const stopping = new AbortController();
    const client = new pg.Client({
      connectionString: databaseUrl,
      application_name: "runcomfy-graphql wake-ups",
      connectionTimeoutMillis: 5_000,
      query_timeout: answerMs,
      keepAlive: true,
      stream: () => socket,
    });
    const stop = () => {
      socket.destroy();
      stopping.abort(new Error("the connection ended"));
    };
    client.on("error", (error) => stopping.abort(error));
    client.on("end", stop);
    let isHeard = false;
    client.on("notification", ({ channel: source, payload = "" }) => {
      if (source === channel) onMessage(payload);
      else if (payload === echo) isHeard = true;
    });
    closing.signal.addEventListener("abort", stop);
    try {
      await client.connect();
      await client.query(`listen ${channel}; listen ${echoChannel}`);
      await check();
      if (failures > 0) log.info("Other gateways' changes are heard again.");
      onListening();
      tried.resolve();
      for (;;) {
        await sleepFor(heartbeatMs, stopping.signal);
        await check();
        failures = 0;
        warned.clear();
      }
    } finally {
      closing.signal.removeEventListener("abort", stop);
      socket.destroy();
    }

    /** Rejects when the connection does not answer, or has not heard what was sent. */
    async function check(): Promise<void> {
      stopping.signal.throwIfAborted();
      isHeard = false;
      const patience = sleepFor(answerMs, stopping.signal).then(() => false);
      const wasSent = await Promise.race([send(echoChannel, echo), patience]);
      stopping.signal.throwIfAborted();
      // Postgres delivers the message before this answer.
      await client.query("select 1");
      if (wasSent && !isHeard) throw new UnheardError(`no message came from ${echoChannel}`);
    }
  }
}

class UnheardError extends Error {
  override readonly name = "UnheardError";
}
