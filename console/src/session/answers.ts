import { type GatewayClient, GatewayError, type TypedDocument } from "runcomfy-graphql-client";

import type { JobRowFragment } from "../gql";
import type { Feed } from "./feed";
import { createStore, type Store } from "./store";

/** More than all screens ask for together; of those that nobody shows, the oldest go first. */
const MAX_QUERIES = 100;
/** Who asks this soon after an answer came has it. */
const FRESH_MS = 1_000;
/** An answer may be from before the last changes of so many jobs. */
const MAX_CHANGED = 1_000;

export type Answer<Data> = { readonly data: Data | undefined; readonly error: GatewayError | null };

type Query<Data> = {
  readonly state: Store<Answer<Data>>;
  /** Asks, and once more where that is wanted meanwhile: the first answer may be from before it was. */
  ask(): Promise<void>;
  /** Asks unless it is being asked, or was just answered. */
  begin(): void;
  /** Takes over a change of a job, where the answer has that job. */
  receive(id: string): void;
};

/** The answers to queries, each shared by all who ask the same. The jobs in them follow the feed. */
export function createAnswers(gateway: Pick<GatewayClient, "request">, feed: Feed) {
  const queries = new Map<string, Query<unknown>>();
  const changed = new Map<string, JobRowFragment>();

  feed.listen((job) => {
    if (job === null) return;
    changed.delete(job.id);
    changed.set(job.id, job);
    const [oldest] = changed.keys();
    if (changed.size > MAX_CHANGED && oldest !== undefined) changed.delete(oldest);
    for (const { receive } of queries.values()) receive(job.id);
  });

  function createQuery<Data>(read: () => Promise<Data>): Query<Data> {
    const state = createStore<Answer<Data>>({ data: undefined, error: null });
    /** Of the jobs in the answer. */
    let ids = new Set<string>();
    let isReading = false;
    let answeredAt = -Infinity;
    let isWanted = false;

    async function ask(): Promise<void> {
      isWanted = true;
      if (isReading) return;
      isReading = true;
      while (isWanted) {
        isWanted = false;
        try {
          const data = await read();
          ids = new Set();
          state.set({ data: toNewest(data, ids), error: null });
          answeredAt = performance.now();
        } catch (error) {
          if (!(error instanceof GatewayError)) throw error;
          state.set({ data: state.get().data, error });
        }
      }
      isReading = false;
    }

    return {
      state,
      ask,
      begin: () => void (isReading || performance.now() - answeredAt < FRESH_MS || ask()),
      receive(id) {
        const { data, error } = state.get();
        if (data !== undefined && ids.has(id)) state.set({ data: toNewest(data, ids), error });
      },
    };
  }

  /** With each job in it as it is known by now, whose id is added to `ids`. */
  function toNewest<Value>(value: Value, ids: Set<string>): Value;
  function toNewest(value: unknown, ids: Set<string>): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((one) => toNewest(one, ids));
    if ("id" in value && "version" in value) {
      const id = String(value.id);
      ids.add(id);
      const newer = changed.get(id);
      const isOld = newer !== undefined && newer.version > Number(value.version);
      // A query that selects more of a job than the feed does is sent again by the component that shows it.
      return isOld && Object.keys(value).every((name) => name in newer) ? newer : value;
    }
    const members = Object.entries(value).map(([name, one]) => [name, toNewest(one, ids)]);
    return Object.fromEntries(members);
  }

  return {
    find<Data extends object, Variables>(
      document: TypedDocument<Data, Variables>,
      variables: Variables,
    ): Query<Data> {
      const key = JSON.stringify([String(document), variables]);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its key has the document
      const known = queries.get(key) as Query<Data> | undefined;
      const query = known ?? createQuery(() => gateway.request(document, variables));
      queries.delete(key);
      queries.set(key, query);
      for (const [old, { state }] of queries)
        if (queries.size > MAX_QUERIES && old !== key && !state.isHeard()) queries.delete(old);
      return query;
    },
  };
}
