import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import { WebSocket } from "ws";

import { within } from "./within.ts";

/** Watchers that cost this process as little as can be: what arrives is read only when all is there. */
export type RawWatchers = {
  /** Begins one subscription for each watcher. */
  subscribe(jobId: string): Promise<void>;
  /** Resolves once so many messages have come since the last call. */
  whenArrived(count: number): Promise<readonly Arrival[]>;
  [Symbol.dispose](): void;
};

export type Arrival = { readonly at: number; readonly message: Buffer };

const OPENED_AT_ONCE = 100;
const SUBSCRIBED_AT_ONCE = 200;
const PATIENCE_MS = 30_000;
const QUERY = "subscription ($id: ID!) { jobUpdated(id: $id) { id status queuePosition version } }";

/** Opens the sockets, and shares the watchers among them. */
export async function openRawWatchers(
  url: string,
  { watchers, sockets: count }: { readonly watchers: number; readonly sockets: number },
): Promise<RawWatchers> {
  let arrivals: Arrival[] = [];
  let subscribed = 0;
  const sockets: WebSocket[] = [];

  async function open(): Promise<void> {
    const socket = new WebSocket(url.replace("http", "ws"), "graphql-transport-ws", {
      perMessageDeflate: false,
      skipUTF8Validation: true,
    });
    await once(socket, "open");
    socket.send('{"type":"connection_init"}');
    await once(socket, "message");
    socket.on("message", (message: Buffer) => arrivals.push({ at: performance.now(), message }));
    sockets.push(socket);
  }

  while (sockets.length < count) {
    const next = Math.min(OPENED_AT_ONCE, count - sockets.length);
    await within(PATIENCE_MS, "sockets open", Promise.all(Array.from({ length: next }, open)));
  }

  return {
    async subscribe(jobId) {
      const payload = JSON.stringify({ query: QUERY, variables: { id: jobId } });
      for (let watcher = 0; watcher < watchers; watcher++) {
        const id = String((subscribed += 1));
        sockets[watcher % count]?.send(`{"id":"${id}","type":"subscribe","payload":${payload}}`);
        if (watcher % SUBSCRIBED_AT_ONCE === 0) await delay(5);
      }
    },
    async whenArrived(wanted) {
      const arrived = (async () => {
        while (arrivals.length < wanted) await delay(10);
      })();
      await within(PATIENCE_MS, `${wanted} messages arrive`, arrived);
      const all = arrivals;
      arrivals = [];
      return all;
    },
    [Symbol.dispose]() {
      for (const socket of sockets) socket.terminate();
    },
  };
}
