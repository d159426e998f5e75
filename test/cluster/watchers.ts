import { z } from "zod";

import type { ReconnectingClient } from "./reconnecting-client.ts";
import { createReconnectingClient, RETRY_MS } from "./reconnecting-client.ts";

/** What one watcher of a job has seen, over all its connections. */
type Watch = {
  readonly jobId: string;
  version: number;
  status: string | null;
  hasEnded: boolean;
  /** What a watcher is promised not to see. */
  readonly broken: string[];
};

type Connection = Pick<ReconnectingClient, "client" | "connections">;

/** So that some watch at each gateway. */
const CLIENTS = 3;
const QUERY = "subscription ($id: ID!) { jobUpdated(id: $id) { id status version } }";
const EVENT = z.object({
  jobUpdated: z.object({ id: z.string(), status: z.string(), version: z.number() }),
});

/**
 * Watchers as a frontend has them: the stock client, which connects again whenever its connection ends. Opens none yet: a
 * client connects with its first watch.
 */
export function createWatchers(url: string) {
  const watches: Watch[] = [];
  const clients = Array.from({ length: CLIENTS }, () => createReconnectingClient(url));
  let isClosed = false;

  function subscribe(seen: Watch, { client, connections }: Connection): void {
    const again = (): void =>
      void setTimeout(() => isClosed || subscribe(seen, { client, connections }), RETRY_MS);
    let connection = -1;
    client.subscribe(
      { query: QUERY, variables: { id: seen.jobId } },
      {
        next({ data, errors: failures }) {
          // A stream that can't go on ends with these, as does one whose database is away.
          if (failures !== undefined || data === null || data === undefined) return;
          const { id, status, version } = EVENT.parse(data).jobUpdated;
          const isFirst = connection !== connections();
          connection = connections();
          if (id !== seen.jobId) seen.broken.push(`was told of ${id}`);
          if (seen.hasEnded) seen.broken.push(`saw version ${version} after the end`);
          if (isFirst ? version < seen.version : version <= seen.version) {
            seen.broken.push(`saw version ${version} after version ${seen.version}`);
          }
          seen.version = version;
          seen.status = status;
        },
        error: again,
        complete() {
          if (isClosed) return;
          if (seen.status === null || !FINAL.has(seen.status)) return again();
          seen.hasEnded = true;
        },
      },
    );
  }

  return {
    watches,
    watch(jobId: string): void {
      const seen: Watch = { jobId, version: 0, status: null, hasEnded: false, broken: [] };
      const client = clients[watches.push(seen) % CLIENTS];
      if (client !== undefined) subscribe(seen, client);
    },
    async close(): Promise<void> {
      isClosed = true;
      for (const client of clients) await client.close();
    },
  };
}

export const FINAL: ReadonlySet<string> = new Set(["SUCCEEDED", "FAILED", "CANCELLED"]);
