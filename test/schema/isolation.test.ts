import type { ExecutionResult, GraphQLSchema } from "graphql";
import {
  execute,
  getNamedType,
  isAbstractType,
  isInterfaceType,
  isObjectType,
  parse,
  subscribe,
  TypeInfo,
  validate,
  visit,
  visitWithTypeInfo,
} from "graphql";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import type { Viewer } from "../../src/auth/viewer.ts";
import { advance } from "../../src/job/advance.ts";
import type { Job } from "../../src/job/job.ts";
import { createJob } from "../../src/job/job.ts";
import { createRunComfy } from "../../src/runcomfy/create-runcomfy.ts";
import { createHealth } from "../support/create-health.ts";
import type { Services } from "../../src/schema/context.ts";
import { createKeepOutputs } from "../../src/files/keep-outputs.ts";
import { createMemoryBudget } from "../../src/runtime/memory-budget.ts";
import { createContext } from "../../src/schema/context.ts";
import { createSchema } from "../../src/schema/create-schema.ts";
import { createReadQueues, createReads } from "../../src/schema/reads.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createTracking } from "../../src/tracking/tracking.ts";
import {
  createDetailReader,
  createFeedReader,
  createJobReader,
} from "../../src/watch/shared-readers.ts";
import { createEndWaits } from "../../src/watch/wait-for-job.ts";
import { createJobWatch } from "../../src/watch/watch-job.ts";
import { watchJobs } from "../../src/watch/watch-jobs.ts";
import { collectStatements } from "../support/collect-statements.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { watchJobsOf } from "../support/watch-jobs-of.ts";
import { NO_FILES } from "../support/no-files.ts";
import { createViewer } from "../support/viewers.ts";
import { SILENT_UPSTREAM } from "./in-process-gateway.ts";
import { FOREIGN_ID, FOREIGN_KEY, ISOLATION_CASES, SHARED_TAG } from "./isolation-cases.ts";
import { toResult } from "../support/to-result.ts";
import { TRACKING_SETTINGS } from "../support/tracking-settings.ts";

const OWNER = createViewer({
  ownerId: "theirs",
  scopes: new Set(["jobs:submit", "jobs:cancel", "jobs:read"]),
});
const STRANGER = createViewer({
  ownerId: "mine",
  scopes: new Set(["jobs:submit", "jobs:cancel", "jobs:read"]),
});
const OPERATOR = createViewer({ ownerId: "operator" });

/** What only the owner of the foreign job may ever read. */
const SECRETS = ["theirs", "request-of-them", "prompt-of-them", "output-of-them", "tag-of-them"];

const CATALOGUE = catalogueOf({
  id: "wg",
  name: "Warm Glow",
  inputSchema: { type: "object", properties: { prompt: { type: "string" } } },
  outputSchema: { type: "object", properties: { text: { type: "string" } } },
});
const SCHEMA = createSchema(CATALOGUE);

type World = Awaited<ReturnType<typeof openWorld>>;

/** A whole gateway but for its server, in which the stranger has a job and the owner none yet. */
async function openWorld() {
  const log = pino({ level: "silent" });
  const { channels, statements } = collectStatements();
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const store = await openStore({
    upstream: "sandbox",
    databaseUrl: ":memory:",
    log,
    channels,
  });
  onTestFinished(() => store.close());
  const { url: baseUrl, token } = upstream;
  const health = createHealth({ now: () => performance.now() });
  const tracking = createTracking({
    store,
    runcomfy: createRunComfy({ baseUrl, token, submitTimeoutMs: 5_000, health, log }),
    health,
    catalogue: CATALOGUE,
    watchJob: watchJobsOf(store),
    uploads: NO_FILES.uploads,
    ...TRACKING_SETTINGS,
    log,
  });
  onTestFinished(() => tracking.close());
  const readJob = createJobReader(store.jobs, log);
  const queues = createReadQueues(store.readsPerOwner);
  const feed = createFeedReader({ feed: store.feed, queue: queues.reads, log });
  const details = createDetailReader(store, queues.reads);
  const { learning } = tracking;
  const memory = createMemoryBudget({ mostBytes: 536_870_912 });
  const watchJob = createJobWatch({
    feed: store.feed,
    readJob,
    estimate: learning.estimate,
  });
  const services: Services = {
    openReads: (origin) => createReads({ store, learning, details, queues, origin }),
    mostAnswerBytes: 33_554_432,
    tracking,
    watchJob,
    waitForEnd: createEndWaits(watchJob).waitForEnd,
    watchJobs: (watch) => watchJobs({ ...watch, subscribe: store.feed.subscribe, feed, restMs: 1 }),
    files: { ...NO_FILES, keepOutputs: createKeepOutputs({ store, onKeep: () => undefined }) },
    upstream: store.upstream,
    live: SILENT_UPSTREAM,
    health: { outageMs: () => null },
    channels,
  };
  const after = await store.feed.readHead();

  async function save(job: Job, observation: Parameters<typeof advance>[1]): Promise<Job> {
    const next = advance(job, observation, new Date(Date.UTC(2026, 0, 1, 0, 1)), "sandbox");
    const result = observation.kind === "succeeded" ? toResult(observation.output) : null;
    expect(await store.jobs.save(next, result)).toBe(true);
    return next;
  }

  function create(ownerId: string, createdAt: number, tags: readonly string[]): Job {
    const now = new Date(createdAt);
    return createJob({
      ownerId,
      deploymentId: "wg",
      upstream: "sandbox",
      apiVersion: "v1",
      tags,
      now,
    });
  }

  let own = create(STRANGER.ownerId, Date.UTC(2025, 0, 1), [SHARED_TAG]);
  await store.jobs.insert({ job: own, input: { prompt: "mine" }, key: null });
  own = await save(own, { kind: "accepted", requestId: "mine" });

  return {
    store,
    statements,

    /** The owner's job, in its last state, and one more change of the stranger's behind it. */
    async addForeignJob(): Promise<void> {
      const tags = [SHARED_TAG, "tag-of-them"];
      const job = { ...create(OWNER.ownerId, Date.UTC(2026, 0, 1), tags), id: FOREIGN_ID };
      const key = { key: FOREIGN_KEY, fingerprint: "of another input" };
      await store.jobs.insert({ job, input: { prompt: "prompt-of-them" }, key });
      const accepted = await save(job, { kind: "accepted", requestId: "request-of-them" });
      const output = { text: "output-of-them" };
      await save(accepted, { kind: "succeeded", output, finishedAt: null });
    },
    touchOwnJob: () => save(own, { kind: "queued", queuePosition: 3 }),

    /** The answer, or of a subscription the first one, as a client gets its bytes. */
    async ask(viewer: Viewer, text: string): Promise<string> {
      const document = parse(text);
      expect(validate(SCHEMA, document)).toEqual([]);
      const variableValues = { after };
      const share = memory.open(viewer.ownerId, () => undefined);
      const contextValue = createContext(services, { viewer, share });
      const operation = { schema: SCHEMA, document, contextValue, variableValues };
      if (!text.startsWith("subscription")) return JSON.stringify(await execute(operation));
      const stream = await subscribe(operation);
      if (!isStream(stream)) return JSON.stringify(stream);
      const first = await stream.next();
      await stream.return();
      return JSON.stringify(first);
    },
  };
}

function isStream(
  answer: ExecutionResult | AsyncGenerator<ExecutionResult, void, void>,
): answer is AsyncGenerator<ExecutionResult, void, void> {
  return Symbol.asyncIterator in answer;
}

/** Whether the same operation, asked twice, makes the same statements: not a submit or a stream that reads on. */
function isRepeatable(text: string): boolean {
  return !/submit|jobsUpdated/.test(text);
}

test("every field through which a job can be reached has a case", () => {
  const reaching = findReaching(SCHEMA);
  // Or the walk would be wrong.
  expect(reaching).toEqual(
    expect.arrayContaining(["Query.node", "Deployment.jobs", "JobEdge.node", "JobChange.job"]),
  );
  expect(reaching.filter((field) => !findSelected().has(field))).toEqual([]);
});

test.each(ISOLATION_CASES)(
  "to another owner a job is as if it did not exist: %s",
  async (_title, text) => {
    const world = await openWorld();
    const before = await watchStatements(world, () => world.ask(STRANGER, text));
    await world.addForeignJob();
    if (text.includes("jobsUpdated")) await world.touchOwnJob();
    const after = await watchStatements(world, () => world.ask(STRANGER, text));

    expect(after.answer).toBe(before.answer);
    for (const secret of SECRETS) expect(after.answer).not.toContain(secret);
    if (isRepeatable(text)) expect(after.statements).toEqual(before.statements);

    // The owner gets to see it: the case is about something.
    const told = await world.ask(OWNER, text);
    expect(told).toContain(FOREIGN_ID);
    expect(told).not.toBe(after.answer);
  },
);

test.each(ISOLATION_CASES)(
  "an operator reads every job and changes none: %s",
  async (_title, text) => {
    const world = await openWorld();
    const before = text.startsWith("mutation") ? await world.ask(OPERATOR, text) : null;
    await world.addForeignJob();
    const after = await world.ask(OPERATOR, text);
    if (before === null) {
      expect(text.includes("jobsUpdated") || after.includes(FOREIGN_ID)).toBe(true);
      expect(after).not.toContain("FORBIDDEN");
    } else {
      expect(after).toBe(before);
    }
    expect(await world.store.jobs.read(FOREIGN_ID)).toMatchObject({ status: "SUCCEEDED" });
  },
);

test("an operator's feed tells of everybody's jobs", async () => {
  const world = await openWorld();
  await world.addForeignJob();
  const [, feed = ""] = ISOLATION_CASES.find(([title]) => title === "jobsUpdated") ?? [];
  // The stranger's job changed first, so that it is the first that is told.
  expect(await world.ask(OPERATOR, feed)).toContain('"ownerId":"mine"');
  expect(await world.ask(OWNER, feed)).toContain('"ownerId":"theirs"');
});

async function watchStatements(world: World, ask: () => Promise<string>) {
  world.statements.length = 0;
  const answer = await ask();
  return { answer, statements: [...world.statements] };
}

/** `Type.field` of each field whose value leads to a job, over whatever lies between. */
function findReaching(schema: GraphQLSchema): string[] {
  const reaching = new Set(["Job"]);
  const types = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith("__"));
  const fieldsOf = (type: (typeof types)[number]) =>
    isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [];
  const leads = (type: (typeof types)[number]): boolean =>
    fieldsOf(type).some((field) => reaching.has(getNamedType(field.type).name)) ||
    (isAbstractType(type) && schema.getPossibleTypes(type).some(({ name }) => reaching.has(name)));
  for (let size = 0; size < reaching.size;) {
    size = reaching.size;
    for (const type of types) if (leads(type)) reaching.add(type.name);
  }
  return types.flatMap((type) =>
    fieldsOf(type)
      .filter((field) => reaching.has(getNamedType(field.type).name))
      .map((field) => `${type.name}.${field.name}`),
  );
}

/** `Type.field` of each field that the cases select. */
function findSelected(): ReadonlySet<string> {
  const selected = new Set<string>();
  for (const [, text] of ISOLATION_CASES) {
    const typeInfo = new TypeInfo(SCHEMA);
    visit(
      parse(text),
      visitWithTypeInfo(typeInfo, {
        Field({ name }) {
          selected.add(`${typeInfo.getParentType()?.name}.${name.value}`);
        },
      }),
    );
  }
  return selected;
}
