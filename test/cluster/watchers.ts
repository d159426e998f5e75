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

/** A client, and how many watches that have not ended it carries. */
type Seat = ReconnectingClient & { taken: number };

const MIN_CLIENTS = 3;
/** Fewer than a gateway takes on one socket. */
const MAX_WATCHES_PER_CLIENT = 400;
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
  const seats = Array.from({ length: MIN_CLIENTS }, openSeat);
  let isClosed = false;

  function openSeat(): Seat {
    return { ...createReconnectingClient(url), taken: 0 };
  }

  function findSeat(): Seat {
    const emptiest = seats.reduce((best, seat) => (seat.taken < best.taken ? seat : best));
    if (emptiest.taken < MAX_WATCHES_PER_CLIENT) return emptiest;
    const opened = openSeat();
    seats.push(opened);
    return opened;
  }

  function subscribe(seen: Watch, seat: Seat): void {
    let connection = -1;
    seat.client.subscribe(
      { query: QUERY, variables: { id: seen.jobId } },
      {
        next({ data, errors: failures }) {
          // A stream that can't go on ends with these, as does one whose database is away.
          if (failures !== undefined || data === null || data === undefined) return;
          const { id, status, version } = EVENT.parse(data).jobUpdated;
          const isFirst = connection !== seat.connections();
          connection = seat.connections();
          if (id !== seen.jobId) seen.broken.push(`was told of ${id}`);
          if (seen.hasEnded) seen.broken.push(`saw version ${version} after the end`);
          if (isFirst ? version < seen.version : version <= seen.version) {
            seen.broken.push(`saw version ${version} after version ${seen.version}`);
          }
          seen.version = version;
          seen.status = status;
        },
        error: () => again(seen, seat),
        complete() {
          if (isClosed) return;
          if (seen.status === null || !FINAL.has(seen.status)) return again(seen, seat);
          seen.hasEnded = true;
          seat.taken -= 1;
        },
      },
    );
  }

  function again(seen: Watch, seat: Seat): void {
    setTimeout(() => isClosed || subscribe(seen, seat), RETRY_MS);
  }

  return {
    watches,
    watch(jobId: string): void {
      const seen: Watch = { jobId, version: 0, status: null, hasEnded: false, broken: [] };
      const seat = findSeat();
      seat.taken += 1;
      watches.push(seen);
      subscribe(seen, seat);
    },
    async close(): Promise<void> {
      isClosed = true;
      for (const seat of seats) await seat.close();
    },
  };
}

const FINAL: ReadonlySet<string> = new Set(["SUCCEEDED", "FAILED", "CANCELLED"]);
