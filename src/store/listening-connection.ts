import { Socket } from "node:net";

import pg from "pg";
import type { Logger } from "pino";

import { pause } from "./pause.ts";

const SHORTEST_BACK_OFF_MS = 500;
const LONGEST_BACK_OFF_MS = 5_000;

/**
 * One connection that listens to a channel for as long as it is open: when it ends, or does not answer a heartbeat, it
 * is made anew, with back-off. Resolves once the first attempt has listened or failed.
 */
export async function startListening(options: {
  readonly databaseUrl: string;
  readonly channel: string;
  readonly onMessage: (payload: string) => void;
  /** The connection listens from now on; what was sent before it did is lost. */
  readonly onListening: () => void;
  /** How often it has to answer; each answer may take three fifths of that. */
  readonly heartbeatMs: number;
  readonly log: Logger;
}): Promise<{ close(): Promise<void> }> {
  const { databaseUrl, channel, onMessage, onListening, heartbeatMs, log } = options;
  const closing = new AbortController();
  const tried = Promise.withResolvers<void>();
  let failures = 0;
  const ended = listenAgainAndAgain();
  await tried.promise;
  return {
    async close() {
      closing.abort();
      await ended;
    },
  };

  async function listenAgainAndAgain(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await listenUntilLost();
      } catch (error) {
        // Once an outage; and what a close cut off is none.
        if (failures === 0 && !closing.signal.aborted) {
          log.warn(
            { err: error },
            "the connection to Postgres that hears of other gateways' changes was lost; it is made anew, and until then their changes are seen by re-reads. Check the database if this lasts",
          );
        }
        failures += 1;
      }
      tried.resolve();
      const backOffMs = Math.min(LONGEST_BACK_OFF_MS, SHORTEST_BACK_OFF_MS * 2 ** (failures - 1));
      await pause(backOffMs * (0.5 + Math.random() / 2), closing.signal);
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
    client.on("notification", ({ payload }) => onMessage(payload ?? ""));
    closing.signal.addEventListener("abort", stop);
    try {
      await client.connect();
      await client.query(`listen ${channel}`);
      if (failures > 0) log.info("other gateways' changes are heard again");
      onListening();
      tried.resolve();
      for (;;) {
        await pause(heartbeatMs, stopping.signal);
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
