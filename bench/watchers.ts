import type { Client } from "graphql-ws";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { z } from "zod";

import { within } from "./within.ts";

/** Watchers of one job, each with a `jobUpdated` of its own, in this process. */
type Watchers = {
  /** Resolves with the moment (`performance.now()`) at which the last of them saw the status. */
  whenAllSaw(status: string): Promise<number>;
  /** Resolves when each stream has completed. */
  whenAllEnded(): Promise<void>;
};

const OPENED_AT_ONCE = 100;
const PATIENCE_MS = 20_000;
const QUERY =
  "subscription ($id: ID!) { jobUpdated(id: $id) { id status queuePosition version updatedAt } }";
const EVENT = z.object({ jobUpdated: z.object({ status: z.string() }) });

/** Opens them, `perSocket` on each WebSocket, and resolves when each has seen the job as it is. */
export async function openWatchers(
  url: string,
  jobId: string,
  { count, perSocket = 1 }: { readonly count: number; readonly perSocket?: number },
): Promise<Watchers> {
  const seen = new Map<string, { count: number; readonly all: PromiseWithResolvers<number> }>();
  const allEnded = Promise.withResolvers<void>();
  let ended = 0;

  function countOf(status: string) {
    const known = seen.get(status);
    if (known !== undefined) return known;
    const fresh = { count: 0, all: Promise.withResolvers<number>() };
    seen.set(status, fresh);
    return fresh;
  }

  function watch(client: Client): Promise<void> {
    const first = Promise.withResolvers<void>();
    let last: string | null = null;
    client.subscribe(
      { query: QUERY, variables: { id: jobId } },
      {
        next({ data }) {
          const { status } = EVENT.parse(data).jobUpdated;
          if (status === last) return;
          last = status;
          const tally = countOf(status);
          tally.count += 1;
          if (tally.count === count) tally.all.resolve(performance.now());
          first.resolve();
        },
        error: (error) => first.reject(new Error("A watcher failed.", { cause: error })),
        complete() {
          ended += 1;
          if (ended === count) allEnded.resolve();
        },
      },
    );
    return first.promise;
  }

  let client: Client | null = null;
  for (let opened = 0; opened < count; opened += OPENED_AT_ONCE) {
    const firsts: Promise<void>[] = [];
    for (let index = opened; index < Math.min(count, opened + OPENED_AT_ONCE); index++) {
      // It connects when it is first used, and closes its socket when none of its streams is left.
      if (client === null || index % perSocket === 0) {
        client = createClient({
          url: url.replace("http", "ws"),
          webSocketImpl: WebSocket,
          retryAttempts: 0,
        });
      }
      firsts.push(watch(client));
    }
    await within(PATIENCE_MS, "watchers connect", Promise.all(firsts));
  }
  return {
    whenAllSaw: (status) =>
      within(PATIENCE_MS, `${count} watchers see ${status}`, countOf(status).all.promise),
    whenAllEnded: () => within(PATIENCE_MS, `${count} watchers end`, allEnded.promise),
  };
}
