import type { Client } from "graphql-ws";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { z } from "zod";

/** What one watcher of a job has seen, over all its connections. */
type Watch = {
  readonly jobId: string;
  readonly version: number;
  readonly status: string | null;
  readonly hasEnded: boolean;
  /** What a watcher is promised not to see. */
  readonly broken: readonly string[];
};

/** Watchers as a dashboard has them: the stock client, which connects again whenever its connection ends. */
export type Watchers = {
  readonly watches: readonly Watch[];
  /** How often a stream ended with an error and was asked for again. */
  errors(): number;
  watch(jobId: string): void;
  close(): Promise<void>;
};

const CLIENTS = 6;
const RETRY_MS = 250;
const PING_INTERVAL_MS = 1_000;
const PONG_TIMEOUT_MS = 4_000;
const QUERY = "subscription ($id: ID!) { jobUpdated(id: $id) { id status version } }";
const EVENT = z.object({
  jobUpdated: z.object({ id: z.string(), status: z.string(), version: z.number() }),
});

/** Opens none yet: a client connects with its first watch. */
export function createWatchers(url: string): Watchers {
  const watches: Watch[] = [];
  const clients = Array.from({ length: CLIENTS }, () => createReconnectingClient(url));
  let errors = 0;
  let isClosed = false;

  function subscribe(seen: Mutable<Watch> & { readonly broken: string[] }, index: number): void {
    const reconnecting = clients[index % CLIENTS];
    if (reconnecting === undefined) return;
    let connection = -1;
    reconnecting.client.subscribe(
      { query: QUERY, variables: { id: seen.jobId } },
      {
        next({ data, errors: failures }) {
          // A stream that can't go on ends with these, as does one whose database is away.
          if (failures !== undefined || data === null || data === undefined) return;
          const { id, status, version } = EVENT.parse(data).jobUpdated;
          const isFirst = connection !== reconnecting.connections();
          connection = reconnecting.connections();
          if (id !== seen.jobId) seen.broken.push(`was told of ${id}`);
          if (seen.hasEnded) seen.broken.push(`saw version ${version} after the end`);
          if (isFirst ? version < seen.version : version <= seen.version) {
            seen.broken.push(`saw version ${version} after version ${seen.version}`);
          }
          seen.version = version;
          seen.status = status;
        },
        error: () => again(seen, index),
        complete() {
          if (isClosed) return;
          if (seen.status !== null && FINAL.has(seen.status)) seen.hasEnded = true;
          else again(seen, index);
        },
      },
    );
  }

  function again(seen: Mutable<Watch> & { readonly broken: string[] }, index: number): void {
    if (isClosed) return;
    errors += 1;
    setTimeout(() => isClosed || subscribe(seen, index), RETRY_MS);
  }

  return {
    watches,
    errors: () => errors,
    watch(jobId) {
      const broken: string[] = [];
      const seen = { jobId, version: 0, status: null, hasEnded: false, broken };
      subscribe(seen, watches.push(seen) - 1);
    },
    async close() {
      isClosed = true;
      for (const { client } of clients) await client.dispose();
    },
  };
}

type Mutable<T> = { -readonly [Member in keyof T]: T[Member] };

const FINAL: ReadonlySet<string> = new Set(["SUCCEEDED", "FAILED", "CANCELLED"]);

function createReconnectingClient(url: string): { client: Client; connections: () => number } {
  let connections = 0;
  let pongTimer: NodeJS.Timeout | undefined;
  let socket: unknown;
  const client = createClient({
    url: `${url.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, RETRY_MS)),
    keepAlive: PING_INTERVAL_MS,
    on: {
      opened: (opened) => (socket = opened),
      connected: () => (connections += 1),
      // A gateway that is frozen, or cut off, closes nothing.
      ping(received) {
        if (received) return;
        clearTimeout(pongTimer);
        // Cut, not closed: the client hears a socket that is closing to its end, also when it has another one already.
        pongTimer = setTimeout(
          () => socket instanceof WebSocket && socket.terminate(),
          PONG_TIMEOUT_MS,
        );
      },
      pong: () => clearTimeout(pongTimer),
      closed: () => clearTimeout(pongTimer),
    },
  });
  return { client, connections: () => connections };
}
