import { Socket } from "node:net";

import pg from "pg";
import type { Logger } from "pino";

import { chance } from "../runtime/environment.ts";
import { sleepFor } from "../runtime/loop.ts";

const MIN_BACK_OFF_MS = 500;
const MAX_BACK_OFF_MS = 5_000;

const LOST =
  "The connection that hears of other gateways' changes was lost and is being reopened. Until then those changes show up to 15 s late. Check the database if this lasts.";

/**
 * A connection that listens to a channel. It is reopened, with back-off, when it ends, or when a heartbeat finds that it
 * does not answer. Resolves once the first attempt has listened or failed.
 */
export async function startListening(options: {
  readonly databaseUrl: string;
  readonly channel: string;
  readonly onMessage: (payload: string) => void;
  /** It listens from now on; what was sent before is lost. */
  readonly onListening: () => void;
  /** How often it has to answer; each answer may take three fifths of that. */
  readonly heartbeatMs: number;
  readonly log: Logger;
}): Promise<{ close(): Promise<void> }> {
  const { databaseUrl, channel, onMessage, onListening, heartbeatMs, log } = options;
  const closing = new AbortController();
  const tried = Promise.withResolvers<void>();
  let failures = 0;
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
        // What a close cut off is no outage.
        if (failures === 0 && !closing.signal.aborted) log.warn({ err: error }, LOST);
        failures += 1;
      }
      tried.resolve();
      const backOffMs = Math.min(MAX_BACK_OFF_MS, MIN_BACK_OFF_MS * 2 ** (failures - 1));
      await sleepFor(backOffMs * (0.5 + chance.random() / 2), closing.signal);
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
      query_timeout: heartbeatMs * 0.6,
      keepAlive: true,
      stream: () => socket,
    });
    const stop = () => {
      socket.destroy();
      stopping.abort(new Error("the connection ended"));
    };
    client.on("error", (error) => stopping.abort(error));
    client.on("end", stop);
    client.on("notification", ({ payload = "" }) => onMessage(payload));
    closing.signal.addEventListener("abort", stop);
    try {
      await client.connect();
      await client.query(`listen ${channel}`);
      if (failures > 0) log.info("Other gateways' changes are heard again.");
      onListening();
      tried.resolve();
      for (;;) {
        await sleepFor(heartbeatMs, stopping.signal);
        stopping.signal.throwIfAborted();
        await client.query("select 1");
        failures = 0;
      }
    } finally {
      closing.signal.removeEventListener("abort", stop);
      socket.destroy();
    }
  }
}
