import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import type { DocumentNode, GraphQLSchema } from "graphql";
import { execute, parse, validate } from "graphql";
import { pino } from "pino";
import { onTestFinished } from "vitest";

import { createAdmissions } from "../../src/engine/store/admission.ts";
import type { Viewer } from "../../src/auth/viewer.ts";
import type { Catalogue } from "../../src/engine/deployments/catalogue.ts";
import {
  createCatalogue,
  OPEN_CATALOGUE,
  toUnlisted,
} from "../../src/engine/deployments/catalogue.ts";
import { advance, type Observation } from "../../src/engine/job/advance.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { createJob } from "../../src/engine/job/job.ts";
import { createUploadId } from "../../src/engine/job/input.ts";
import { isJsonObject } from "../../src/engine/job/json.ts";
import { createMaskError } from "../../src/api/operations/mask-error.ts";
import { createSlots } from "../../src/api/operations/owner-limits.ts";
import { createSubscribe } from "../../src/api/operations/subscribe.ts";
import type { Services } from "../../src/engine/engine.ts";
import { createContexts } from "../../src/api/schema/context.ts";
import { createSchema } from "../../src/api/schema/create-schema.ts";
import type { NewHold } from "../../src/engine/store/holds.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import type { AlsoWrite } from "../../src/engine/store/admission.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import { Labeler } from "../../src/engine/tracking/edit-labels.ts";
import { Holder } from "../../src/engine/tracking/hold-jobs.ts";
import { Deleter } from "../../src/engine/tracking/job-deletion.ts";
import { DeploymentPauser } from "../../src/engine/tracking/pause-deployments.ts";
import type { Known } from "../../src/engine/tracking/submission.ts";
import { createLearning } from "../../src/engine/tracking/learning.ts";
import { createFeedReader, createJobReader } from "../../src/engine/watch/shared-readers.ts";
import { createEndWaits, createJobWatch } from "../../src/engine/watch/watch-job.ts";
import { createFeedWatch } from "../../src/engine/watch/watch-jobs.ts";
import { collectStatements } from "../support/collect-statements.ts";
import { makePartServices } from "../support/part-services.ts";
import { SCHEMA_PARTS } from "../support/parts.ts";
import { NO_FILES } from "../support/no-files.ts";
import { recordOf } from "../tracking/connect-submitter.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";
import { toResult } from "../support/to-result.ts";
import { PART_TABLES } from "../support/part-tables.ts";

/** What tests may have do instead of the services that change jobs. */
export type Stubs = Services["submitter"] &
  Services["inputChecker"] &
  Services["canceller"] &
  Services["deleter"] &
  Services["labeler"];

type Trackers = Pick<
  Services,
  "submitter" | "inputChecker" | "holder" | "canceller" | "deleter" | "labeler" | "pauser"
>;

/** One of each catalogue: to make it takes longer than most tests. */
const schemas = new WeakMap<Catalogue, GraphQLSchema>();

/** The schema over a database in memory, with no server around it and services that the test makes up. */
export async function openInProcessGateway(
  options: {
    readonly catalogue?: Catalogue;
    readonly tracking?: Partial<Stubs> | ((store: JobStore) => Trackers);
    readonly live?: Partial<Services["live"]>;
    readonly health?: Services["health"];
    /** In place of those of parts. */
    readonly costs?: Services["costs"];
    readonly mostAnswerBytes?: number;
    readonly viewer?: Viewer;
    /** By which walks end. */
    readonly now?: () => number;
  } = {},
) {
  const {
    viewer: usual = LOCAL_VIEWER,
    mostAnswerBytes = 33_554_432,
    tracking = {},
    now,
  } = options;
  const { catalogue = OPEN_CATALOGUE } = options;
  const { channels, statements } = collectStatements();
  const log = pino({ level: "silent" });
  const store = await openStore({
    upstream: "sandbox",
    databaseUrl: ":memory:",
    parts: PART_TABLES,
    log,
    channels,
  });
  onTestFinished(() => store.close());
  const feed = createFeedReader({ feed: store.feed, log });
  const learning = createLearning({
    upstream: store.upstream,
    readRuns: store.readRuns,
    upstreamWebhooks: { countFollowed: () => 0 },
    now: Date.now,
    monotonic: () => performance.now(),
  });
  const watchJob = createJobWatch({
    feed: store.feed,
    readJob: createJobReader(store.jobs, log),
    estimate: learning.estimate,
  });
  const ofParts = makePartServices({ store, channels, catalogue });
  const { services: parts, submitOptions } = ofParts;
  const engine: Services = {
    admission: createAdmissions([]),
    ...{ store, catalogue, learning, mostAnswerBytes, now, watchJob, channels },
    ...(typeof tracking === "function"
      ? tracking(store)
      : toServices(store, tracking, { catalogue, live: { ...SILENT_UPSTREAM, ...options.live } })),
    endWaits: createEndWaits(watchJob),
    watchJobs: createFeedWatch({ subscribe: store.feed.subscribe, feed, restMs: 1 }),
    files: NO_FILES,
    live: { ...SILENT_UPSTREAM, ...options.live },
    health: { outageMs: () => null, ...options.health },
    submitOptions,
    costs: options.costs ?? ofParts.costs,
  };
  const contexts = createContexts(engine, parts);
  const schema = schemas.get(catalogue) ?? createSchema(catalogue, SCHEMA_PARTS);
  schemas.set(catalogue, schema);
  const subscribe = createSubscribe({
    channels,
    slots: createSlots({ what: "subscriptions", channels, most: Infinity }),
    maskError: createMaskError({ log, hasSuggestions: true }),
  });

  function openContext(viewer: Viewer) {
    const over = new AbortController();
    const whenOver = (act: () => void): void =>
      over.signal.aborted ? act() : over.signal.addEventListener("abort", act);
    return { contextValue: contexts({ viewer, whenOver }), hangUp: () => over.abort() };
  }

  /** Runs an operation whose client hangs up once it is answered. */
  async function run(document: DocumentNode, variableValues: object, viewer: Viewer) {
    const { hangUp, contextValue } = openContext(viewer);
    const args = { schema, document, variableValues: { ...variableValues }, contextValue };
    return await Promise.resolve(execute(args)).finally(hangUp);
  }

  return {
    engine,
    store,
    statements,
    schema,

    /** For tests that execute operations themselves. */
    openContext: (viewer: Viewer = usual) => openContext(viewer).contextValue,

    async run<Result, Variables extends Record<string, unknown>>(
      document: TypedDocumentNode<Result, Variables>,
      variables: Variables,
    ): Promise<Result> {
      const result = await run(document, variables, usual);
      if (!isAnswer(document, result)) throw new AggregateError(result.errors ?? []);
      return result.data;
    },

    /** For operations that are expected to fail, or that are only text. */
    async answer(text: string, variables: Record<string, unknown> = {}, viewer = usual) {
      const document = parse(text);
      const errors = validate(schema, document);
      return errors.length > 0 ? { errors, data: null } : await run(document, variables, viewer);
    },

    /** For operations whose client may hang up before they have ended. */
    leave(text: string) {
      const { hangUp, contextValue } = openContext(usual);
      const answer = Promise.resolve(execute({ schema, document: parse(text), contextValue }));
      return { answer, hangUp };
    },

    async subscribe(text: string, variableValues: Record<string, unknown>, viewer = usual) {
      const { contextValue } = openContext(viewer);
      return await subscribe({ schema, document: parse(text), variableValues, contextValue });
    },

    async addJob(
      changes: Partial<
        Pick<Job, "id" | "ownerId" | "kind" | "deploymentId" | "createdAt" | "sentAt" | "tags">
      > & {
        readonly input?: unknown;
        readonly key?: string;
        readonly alsoWrite?: AlsoWrite;
        readonly uploads?: readonly string[];
        /** The job is HELD with it. */
        readonly hold?: NewHold;
      } = {},
    ): Promise<Job> {
      const { createdAt = new Date("2025-07-22T13:00:00Z"), tags = [], input, key } = changes;
      const { alsoWrite, uploads = [], hold } = changes;
      const made = createJob({
        ownerId: changes.ownerId ?? LOCAL_VIEWER.ownerId,
        kind: changes.kind ?? "lora",
        deploymentId: changes.deploymentId ?? "warm-glow",
        upstream: "sandbox",
        apiVersion: "v1",
        tags,
        now: createdAt,
        status: hold === undefined ? "SUBMITTING" : "HELD",
      });
      const { id = made.id, sentAt = made.sentAt } = changes;
      const job = { ...made, id, sentAt };
      await store.jobs.insert({
        job,
        input: isJsonObject(input) ? input : { prompt: "a glow" },
        key: key === undefined ? null : { key, fingerprint: "of another input" },
        uploads,
        alsoWrite,
        hold,
      });
      return job;
    },

    /** One whose file has come, under this name. */
    async addUpload({ id = createUploadId(), ownerId = LOCAL_VIEWER.ownerId, file = "a.png" }) {
      const facts = { fileName: file, contentType: "image/png", bytes: 3 };
      await store.uploads.create({ id, ownerId, ...facts }, null);
      await store.files.lease(file, 3_600_000);
      await store.uploads.receive(id, { file, width: 64, height: 48 });
      return id;
    },

    async observe(job: Job, observation: Observation): Promise<Job> {
      const next = advance(job, observation, new Date(job.updatedAt.getTime() + 1_000), "sandbox");
      const isSaved = await store.jobs.save(
        job,
        next,
        observation.kind === "succeeded" ? toResult(observation.output) : null,
      );
      if (!isSaved) throw new Error(`${observation.kind} is no news`);
      return next;
    },
  };
}

const unexpected = () => Promise.reject(new Error("the test did not expect this call"));

function toServices(store: JobStore, stubs: Partial<Stubs>, known: Known): Trackers {
  const { submitJob = unexpected, rerunJob = unexpected, checkInput = unexpected } = stubs;
  const { cancelJob = unexpected, deleteJob, editJob } = stubs;
  return {
    submitter: { submitJob, rerunJob },
    inputChecker: { checkInput },
    holder: new Holder({
      ...{ store, record: recordOf(store), onReady: () => undefined },
      admission: createAdmissions([]),
    }),
    canceller: { cancelJob },
    deleter: deleteJob === undefined ? new Deleter(store) : { deleteJob },
    labeler: editJob === undefined ? new Labeler(store) : { editJob },
    pauser: new DeploymentPauser({ ...known, ...store }),
  };
}

/** One that says nothing of deployments. */
const SILENT_UPSTREAM: Services["live"] = {
  read: () => Promise.resolve(null),
  list: () => Promise.resolve(new Map()),
  lastList: () => new Map(),
  findKind: () => Promise.resolve(null),
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
