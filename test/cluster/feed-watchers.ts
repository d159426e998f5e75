import { setTimeout as sleep } from "node:timers/promises";

import { z } from "zod";

import { JobsDocument } from "../support/gql/operations.ts";
import { request } from "../support/graphql-client.ts";
import { createReconnectingClient, RETRY_MS } from "./reconnecting-client.ts";

/** By job. */
type Versions = ReadonlyMap<string, number>;

/** What one dashboard knows. */
type Feed = {
  readonly name: string;
  /** The newest version of each job that the feed told. */
  readonly told: Map<string, number>;
  /** The newest version of each job that was in the list when it was read. */
  readonly listed: Map<string, number>;
  readonly broken: string[];
  readonly begun: PromiseWithResolvers<void>;
  mayReset: boolean;
};

const FEEDS = [
  { name: "The feed of a dashboard", isSlow: false },
  { name: "The feed of a slow dashboard", isSlow: true },
];
const JOBS_PER_PAGE = 100;
const LIST_ATTEMPTS = 600;
const QUERY = `subscription ($after: String!) {
  jobsUpdated(after: $after) { cursor reset job { id version status input history { version status at } } }
}`;
const EVENT = z.object({
  jobsUpdated: z.object({
    cursor: z.string(),
    reset: z.boolean(),
    job: z.object({ id: z.string(), version: z.number() }).nullable(),
  }),
});
const REFUSAL = z.array(z.object({ extensions: z.object({ code: z.literal("BAD_USER_INPUT") }) }));

/**
 * Starts dashboards, as `docs/feed.md` does: with a reset at once, so that nothing falls between the list and the feed. Each
 * hears the feed of all jobs over many connections, and goes on from its last cursor.
 */
export function startFeedWatchers(url: string) {
  let isClosed = false;
  const started = FEEDS.map(({ name, isSlow }) => {
    const feed: Feed = {
      name,
      told: new Map(),
      listed: new Map(),
      broken: [],
      begun: Promise.withResolvers(),
      mayReset: false,
    };
    const connection = createReconnectingClient(url, { isSlow });
    watch(feed, connection, { after: "" });
    return { feed, connection };
  });

  function watch(
    feed: Feed,
    connection: ReturnType<typeof createReconnectingClient>,
    variables: { after: string },
  ): void {
    let connected = -1;
    let hasFailed = false;
    /** What was told since the last connection began. */
    let stream = new Map<string, number>();
    const again = (): void => {
      if (!isClosed) setTimeout(() => isClosed || watch(feed, connection, variables), RETRY_MS);
    };
    connection.client.subscribe(
      { query: QUERY, variables },
      {
        next({ data, errors }) {
          hasFailed = errors !== undefined;
          if (data === null || data === undefined) return;
          // Whoever goes on from the next cursor never hears of that job.
          if (hasFailed)
            feed.broken.push(`told an error in place of a job: ${errors?.[0]?.message}`);
          const { cursor, reset, job } = EVENT.parse(data).jobsUpdated;
          if (connected !== connection.connections()) stream = new Map();
          connected = connection.connections();
          if (reset !== (job === null)) feed.broken.push("told neither a job nor a reset, or both");
          if (reset) noteReset(feed, variables.after === "");
          if (job !== null) noteJob(feed, stream, job);
          // The client sends them as they are now, whenever it connects again.
          variables.after = cursor;
          feed.begun.resolve();
        },
        error(failure) {
          if (REFUSAL.safeParse(failure).success) feed.broken.push("refused its own cursor");
          again();
        },
        complete() {
          if (!isClosed && !hasFailed) feed.broken.push("ended by itself");
          again();
        },
      },
    );
  }

  function noteReset(feed: Feed, isBeginning: boolean): void {
    if (!isBeginning && !feed.mayReset) feed.broken.push("was reset without a reason");
    if (!isBeginning) feed.mayReset = false;
    readList(url, feed, () => isClosed).catch((error: unknown) => {
      feed.broken.push(`could not be replaced by the list: ${String(error)}`);
    });
  }

  return {
    /** Resolves once each has its first cursor: what changes from then on is told. */
    whenBegun: Promise.all(started.map(({ feed }) => feed.begun.promise)),
    /** Whether one has not come to these versions, by job. */
    areBehind: (newest: Versions) =>
      started.some(({ feed }) => findMissed(feed, newest).length > 0),
    /** What a feed told that it must not have, and which of these versions it has not come to. */
    findBroken: (newest: Versions) =>
      started.flatMap(({ feed }) =>
        [...feed.broken, ...findMissed(feed, newest)].map((text) => `${feed.name} ${text}.`),
      ),
    /** Whether each feed may be reset once, from now on. */
    allowReset(isAllowed: boolean): void {
      for (const { feed } of started) feed.mayReset = isAllowed;
    },
    async close(): Promise<void> {
      isClosed = true;
      for (const { connection } of started) await connection.close();
    },
  };
}

function noteJob(
  { told, broken }: Feed,
  stream: Map<string, number>,
  { id, version }: { readonly id: string; readonly version: number },
): void {
  const before = told.get(id) ?? 0;
  if (version < before) broken.push(`told version ${version} of ${id} after version ${before}`);
  if (stream.get(id) === version) broken.push(`told version ${version} of ${id} twice in a stream`);
  stream.set(id, version);
  told.set(id, version);
}

function findMissed({ told, listed }: Feed, newest: Versions): readonly string[] {
  return [...newest].flatMap(([id, version]) => {
    const seen = Math.max(told.get(id) ?? 0, listed.get(id) ?? 0);
    return seen === version ? [] : [`came to version ${seen} of ${id}, not to ${version}`];
  });
}

/** Reads all pages, each until it is answered. */
async function readList(url: string, { listed }: Feed, isOver: () => boolean): Promise<void> {
  let after: string | null = null;
  for (let attempt = 0; attempt < LIST_ATTEMPTS && !isOver();) {
    try {
      const { jobs } = await readPage(url, after);
      for (const { node } of jobs.edges) listed.set(node.id, node.version);
      if (!jobs.pageInfo.hasNextPage) return;
      after = jobs.pageInfo.endCursor;
    } catch (error) {
      attempt += 1;
      if (attempt === LIST_ATTEMPTS) throw error;
      await sleep(RETRY_MS);
    }
  }
}

function readPage(url: string, after: string | null) {
  const variables = { first: JOBS_PER_PAGE, after, last: null, before: null, filter: null };
  return request(url, JobsDocument, variables);
}
