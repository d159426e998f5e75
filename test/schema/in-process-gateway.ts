import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { execute, parse, validate } from "graphql";
import { pino } from "pino";
import { onTestFinished } from "vitest";

import type { Viewer } from "../../src/auth/viewer.ts";
import type { Catalogue } from "../../src/deployments/catalogue.ts";
import { createCatalogue, OPEN_CATALOGUE, toUnlisted } from "../../src/deployments/catalogue.ts";
import { advance, type Observation } from "../../src/job/advance.ts";
import type { Job } from "../../src/job/job.ts";
import { createJob } from "../../src/job/job.ts";
import { isJsonObject } from "../../src/job/json.ts";
import { createMaskError } from "../../src/operations/mask-error.ts";
import { createSlots } from "../../src/operations/owner-limits.ts";
import { createSubscribe } from "../../src/operations/subscribe.ts";
import type { Services } from "../../src/schema/context.ts";
import type { Reservation } from "../../src/runtime/memory-budget.ts";
import { createMemoryBudget } from "../../src/runtime/memory-budget.ts";
import { createContext } from "../../src/schema/context.ts";
import { createSchema } from "../../src/schema/create-schema.ts";
import type { Reads } from "../../src/schema/reads.ts";
import { createReadQueues, createReads } from "../../src/schema/reads.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createLearning } from "../../src/tracking/learning.ts";
import {
  createDetailReader,
  createFeedReader,
  createJobReader,
} from "../../src/watch/shared-readers.ts";
import { createEndWaits } from "../../src/watch/wait-for-job.ts";
import { createJobWatch } from "../../src/watch/watch-job.ts";
import { watchJobs } from "../../src/watch/watch-jobs.ts";
import { collectStatements } from "../support/collect-statements.ts";
import { NO_FILES } from "../support/no-files.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";
import { toResult } from "../support/to-result.ts";

type Tracking = Services["tracking"];

/** The schema over a database in memory, with no server around it and a tracking that the test makes up. */
export async function openInProcessGateway(
  options: {
    readonly catalogue?: Catalogue;
    readonly tracking?: Partial<Tracking>;
    readonly watchJobs?: Services["watchJobs"];
    /** In place of what the store gives. */
    readonly reads?: Partial<Reads>;
    readonly live?: Partial<Services["live"]>;
    readonly health?: Services["health"];
    readonly mostAnswerBytes?: number;
    readonly viewer?: Viewer;
    /** By which walks end. */
    readonly now?: () => number;
  } = {},
) {
  const { viewer = LOCAL_VIEWER, mostAnswerBytes = 33_554_432 } = options;
  const { channels, statements } = collectStatements();
  const log = pino({ level: "silent" });
  const store = await openStore({
    upstream: "sandbox",
    databaseUrl: ":memory:",
    log,
    channels,
  });
  onTestFinished(() => store.close());
  const readJob = createJobReader(store.jobs, log);
  const queues = createReadQueues(store.readsPerOwner);
  const feed = createFeedReader({ feed: store.feed, queue: queues.reads, log });
  const details = createDetailReader(store, queues.reads);
  const learning = createLearning({
    upstream: store.upstream,
    readRuns: store.readRuns,
    now: Date.now,
    monotonic: () => performance.now(),
  });
  const memory = createMemoryBudget({ mostBytes: 8 * mostAnswerBytes, patienceMs: 50 });
  const unexpected = () => Promise.reject(new Error("the test did not expect this call"));
  const watchJob = createJobWatch({
    feed: store.feed,
    readJob,
    estimate: learning.estimate,
  });
  const services: Services = {
    openReads: (origin) => ({
      ...createReads({
        store,
        learning,
        details,
        queues,
        origin,
        now: options.now,
      }),
      ...options.reads,
    }),
    mostAnswerBytes,
    tracking: {
      checkInput: unexpected,
      submitJob: unexpected,
      rerunJob: unexpected,
      cancelJob: unexpected,
      deleteJob: unexpected,
      ...options.tracking,
    },
    watchJob,
    waitForEnd: createEndWaits(watchJob).waitForEnd,
    watchJobs:
      options.watchJobs ??
      ((watch) => watchJobs({ ...watch, subscribe: store.feed.subscribe, feed, restMs: 1 })),
    files: NO_FILES,
    upstream: store.upstream,
    live: { ...SILENT_UPSTREAM, ...options.live },
    health: { outageMs: () => null, ...options.health },
    channels,
  };
  const schema = createSchema(options.catalogue ?? OPEN_CATALOGUE);

  const subscribe = createSubscribe({
    channels,
    slots: createSlots({ what: "subscriptions", channels, most: Infinity }),
    maskError: createMaskError({ log, hasSuggestions: true }),
    findDocument: parse,
  });

  function openShare({ ownerId }: Viewer) {
    const share = memory.open(ownerId, () => undefined);
    return { ...share, [Symbol.dispose]: share.close };
  }

  return {
    store,
    statements,
    schema,

    /** For whoever executes operations itself. */
    openContext(share: Reservation = openShare(viewer)) {
      onTestFinished(share.close);
      return createContext(services, { viewer, share });
    },

    async run<Result, Variables extends Record<string, unknown>>(
      document: TypedDocumentNode<Result, Variables>,
      variables: Variables,
    ): Promise<Result> {
      using share = openShare(viewer);
      const contextValue = createContext(services, { viewer, share });
      const result = await execute({ schema, document, variableValues: variables, contextValue });
      if (!isAnswer(document, result)) throw new AggregateError(result.errors ?? []);
      return result.data;
    },

    /** For operations that are expected to fail, or that are only text. */
    async answer(text: string, variables: Record<string, unknown> = {}, as = viewer) {
      const document = parse(text);
      const errors = validate(schema, document);
      if (errors.length > 0) return { errors, data: null };
      using share = openShare(as);
      const contextValue = createContext(services, { viewer: as, share });
      return await execute({ schema, document, variableValues: variables, contextValue });
    },

    /** For operations whose client may hang up before they have ended. */
    leave(text: string) {
      const share = openShare(viewer);
      const contextValue = createContext(services, { viewer, share });
      const answer = Promise.resolve(execute({ schema, document: parse(text), contextValue }));
      return { answer, hangUp: share.close };
    },

    async subscribe(text: string, variables: Record<string, unknown>) {
      const share = openShare(viewer);
      onTestFinished(share.close);
      const contextValue = createContext(services, { viewer, share });
      return await subscribe({
        schema,
        document: parse(text),
        variableValues: variables,
        contextValue,
      });
    },

    async addJob(
      changes: {
        readonly ownerId?: string;
        readonly deploymentId?: string;
        readonly createdAt?: Date;
        readonly tags?: readonly string[];
        readonly input?: unknown;
      } = {},
    ): Promise<Job> {
      const now = changes.createdAt ?? new Date("2025-07-22T13:00:00Z");
      const job = createJob({
        ownerId: changes.ownerId ?? LOCAL_VIEWER.ownerId,
        deploymentId: changes.deploymentId ?? "warm-glow",
        upstream: "sandbox",
        apiVersion: "v1",
        tags: changes.tags ?? [],
        now,
      });
      const input = isJsonObject(changes.input) ? changes.input : { prompt: "a glow" };
      await store.jobs.insert({ job, input, key: null });
      return job;
    },

    async observe(job: Job, observation: Observation): Promise<Job> {
      const next = advance(job, observation, new Date(job.updatedAt.getTime() + 1_000), "sandbox");
      const isSaved = await store.jobs.save(
        next,
        observation.kind === "succeeded" ? toResult(observation.output) : null,
      );
      if (!isSaved) throw new Error(`${observation.kind} is no news`);
      return next;
    },
  };
}

/** One that says nothing of deployments. */
export const SILENT_UPSTREAM: Services["live"] = {
  read: () => Promise.resolve(null),
  list: () => Promise.resolve(new Map()),
  lastList: () => new Map(),
  token: () => "unknown",
};

/** That the data fits the document is the schema's business, and the generated types'. */
function isAnswer<Result, Variables>(
  _document: TypedDocumentNode<Result, Variables>,
  result: { data?: unknown; errors?: unknown },
): result is { data: Result } {
  return result.errors === undefined && result.data !== null && result.data !== undefined;
}

/** A catalogue of two deployments, not in the order of their ids. */
export const CATALOGUE: Catalogue = createCatalogue([
  {
    ...toUnlisted("warm-glow"),
    name: "Warm Glow",
    description: "Makes it warmer.",
    inputSchema: { type: "object" },
  },
  { ...toUnlisted("cold-light"), name: "Cold Light" },
]);
