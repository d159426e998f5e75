import { globSync } from "node:fs";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import type { Scope, Viewer } from "../../src/auth/viewer.ts";
import { SCOPES } from "../../src/auth/viewer.ts";
import type { Caller } from "../../src/engine/caller.ts";
import { createUploadId } from "../../src/engine/job/input.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { cancelJob, cancelJobs } from "../../src/engine/use-cases/cancel-jobs.ts";
import { checkInput } from "../../src/engine/use-cases/check-input.ts";
import { findCost, quote } from "../../src/engine/use-cases/costs.ts";
import { deleteJob, deleteJobs } from "../../src/engine/use-cases/delete-jobs.ts";
import {
  findDeployment,
  findDeploymentOf,
  listDeployments,
} from "../../src/engine/use-cases/deployments.ts";
import { findJob, listJobs } from "../../src/engine/use-cases/find-jobs.ts";
import {
  approveJobs,
  findHold,
  holdJobs,
  listHeldJobs,
  listJobsToApprove,
  prioritizeJobs,
  refuseJobs,
  releaseJobs,
} from "../../src/engine/use-cases/held-jobs.ts";
import { keepOutputs } from "../../src/engine/use-cases/keep-outputs.ts";
import { editJobs, listTags } from "../../src/engine/use-cases/labels.ts";
import {
  cancelMatchingJobs,
  deleteMatchingJobs,
} from "../../src/engine/use-cases/matching-jobs.ts";
import { pauseDeployment, resumeDeployment } from "../../src/engine/use-cases/pause-deployments.ts";
import { rerunJob, submitJob, submitJobs } from "../../src/engine/use-cases/submit-jobs.ts";
import { createUpload, findUpload } from "../../src/engine/use-cases/uploads.ts";
import { watchJob, watchJobs } from "../../src/engine/use-cases/watch-jobs.ts";
import { openInProcessGateway } from "../schema/in-process-gateway.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { HOLD } from "../store/store-jobs.ts";
import { createViewer } from "../support/viewers.ts";
import { connectTracking } from "../tracking/connect-submitter.ts";

const FOLDER = join(import.meta.dirname, "../../src/engine/use-cases");
const KEY = "a-key-that-both-have";
const TAG = "t";
const MATCHING = { filter: { tag: TAG }, createdBefore: new Date("2027-01-01") };
/** Than that which has submitted what is theirs. */
const OTHER = { id: "another key" };
const LABELS = { addTags: ["mine"], removeTags: [], isStarred: true };

/** What belongs to `theirs`: jobs, of which one has ended, a deployment that only they name, and an upload. */
type Theirs = {
  readonly ended: Job;
  readonly waiting: Job;
  /** Waits for an approval. */
  readonly held: Job;
  readonly uploadId: string;
  /** A place in the feed from before all that. */
  readonly after: string;
};

type Case = {
  readonly scope: Scope | null;
  /** A call about what is theirs. */
  readonly call: (caller: Caller, theirs: Theirs) => Promise<unknown>;
  /** What comes of it for another owner: a value, or the name of an error. */
  readonly toAnother: unknown;
};

const NOT_FOUND = "JobNotFoundError";
const MINE = { ownerId: "mine" };

/** Each use case by its name. */
const CASES: Readonly<Record<string, Case>> = {
  submitJob: {
    scope: "jobs:submit",
    call: (caller) =>
      submitJob(caller, { deploymentId: "d", input: { prompt: "p" }, idempotencyKey: KEY }),
    toAnother: { job: MINE, wasThere: false },
  },
  submitJobs: {
    scope: "jobs:submit",
    call: async (caller) =>
      await Promise.all(
        await submitJobs(caller, [{ deploymentId: "d", input: {}, idempotencyKey: KEY }]),
      ),
    toAnother: [{ job: MINE, wasThere: false }],
  },
  rerunJob: {
    scope: "jobs:submit",
    call: (caller, { ended }) => rerunJob(caller, { id: ended.id }),
    toAnother: NOT_FOUND,
  },
  checkInput: {
    scope: "jobs:submit",
    call: (caller) => checkInput(caller, { deploymentId: "d", input: { prompt: "p" } }),
    toAnother: { issues: [], warnings: [], input: { prompt: "p" } },
  },
  cancelJob: {
    scope: "jobs:cancel",
    call: (caller, { waiting }) => cancelJob(caller, waiting.id),
    toAnother: NOT_FOUND,
  },
  cancelJobs: {
    scope: "jobs:cancel",
    call: async (caller, { waiting }) => await Promise.all(await cancelJobs(caller, [waiting.id])),
    toAnother: NOT_FOUND,
  },
  cancelMatchingJobs: {
    scope: "jobs:cancel",
    call: (caller) => cancelMatchingJobs(caller, MATCHING),
    toAnother: { done: 0, failed: 0, cursor: null },
  },
  deleteJob: {
    scope: "jobs:cancel",
    call: (caller, { ended }) => deleteJob(caller, ended.id),
    toAnother: NOT_FOUND,
  },
  deleteJobs: {
    scope: "jobs:cancel",
    call: async (caller, { ended }) => await Promise.all(await deleteJobs(caller, [ended.id])),
    toAnother: NOT_FOUND,
  },
  deleteMatchingJobs: {
    scope: "jobs:cancel",
    call: (caller) => deleteMatchingJobs(caller, MATCHING),
    toAnother: { done: 0, failed: 0, cursor: null },
  },
  editJobs: {
    scope: "jobs:submit",
    call: async (caller, { ended }) =>
      await Promise.all(await editJobs(caller, { ids: [ended.id], ...LABELS })),
    toAnother: NOT_FOUND,
  },
  listTags: {
    scope: "jobs:read",
    call: (caller) => listTags(caller, { first: 9, startsWith: "" }),
    toAnother: [],
  },
  findJob: {
    scope: "jobs:read",
    call: (caller, { ended }) => findJob(caller, ended.id, { isWhole: true }),
    toAnother: null,
  },
  listJobs: {
    scope: "jobs:read",
    call: async (caller) => (await listJobs(caller, { filter: { tag: TAG } })).jobs,
    toAnother: [],
  },
  watchJob: {
    scope: "jobs:read",
    call: async (caller, { ended }) =>
      await firstOf(await watchJob(caller, ended.id, { isEstimateWanted: false })),
    toAnother: NOT_FOUND,
  },
  watchJobs: {
    scope: "jobs:read",
    call: async (caller, { after }) =>
      await firstOf(await watchJobs(caller, { filter: {}, after })),
    toAnother: { job: MINE },
  },
  listDeployments: {
    scope: null,
    call: (caller) => listDeployments(caller),
    toAnother: [{ id: "of-mine" }],
  },
  findDeployment: {
    scope: null,
    call: (caller) => findDeployment(caller, "of-them"),
    toAnother: null,
  },
  findDeploymentOf: {
    scope: null,
    call: async (caller, { ended }) => findDeploymentOf(caller, ended),
    // A viewer of the job knows its deployment.
    toAnother: { id: "of-them" },
  },
  ...toHeldCases("jobs:submit", {
    releaseJobs,
    holdJobs,
    prioritizeJobs: (caller: Caller, ids: readonly string[]) => prioritizeJobs(caller, ids, 1),
  }),
  ...toHeldCases("jobs:approve", {
    approveJobs,
    refuseJobs: (caller: Caller, ids: readonly string[]) => refuseJobs(caller, ids, "not this"),
  }),
  listHeldJobs: {
    scope: "jobs:read",
    call: (caller) => listHeldJobs(caller, 9),
    toAnother: [],
  },
  listJobsToApprove: {
    scope: "jobs:approve",
    call: (caller) => listJobsToApprove(caller, 9),
    toAnother: [],
  },
  findHold: {
    scope: null,
    call: (caller, { held }) => findHold(caller, held),
    // A viewer of the job knows why it waits.
    toAnother: { reason: "APPROVAL" },
  },
  findCost: {
    scope: null,
    call: async (caller, { waiting }) => await findCost(caller, waiting),
    // A viewer of the job knows what it costs.
    toAnother: { usd: null },
  },
  quote: {
    scope: "jobs:submit",
    call: (caller) => quote(caller, { deploymentId: "of-them", input: {} }),
    toAnother: { usd: null },
  },
  pauseDeployment: {
    scope: "operate",
    call: (caller) => pauseDeployment(caller, "of-them", "Its price has changed"),
    // Whoever operates the gateway pauses for everybody.
    toAnother: { id: "of-them" },
  },
  resumeDeployment: {
    scope: "operate",
    call: (caller) => resumeDeployment(caller, "of-them"),
    toAnother: { id: "of-them" },
  },
  createUpload: {
    scope: "jobs:submit",
    call: (caller) =>
      createUpload(caller, { fileName: "a.png", contentType: "image/png", bytes: 1 }),
    toAnother: MINE,
  },
  findUpload: {
    scope: "jobs:read",
    call: (caller, { uploadId }) => findUpload(caller, uploadId),
    toAnother: null,
  },
  keepOutputs: {
    scope: "jobs:submit",
    call: (caller, { ended }) => keepOutputs(caller, ended.id),
    toAnother: NOT_FOUND,
  },
};

/** Of those that change HELD jobs. */
function toHeldCases(
  scope: Scope,
  useCases: Readonly<
    Record<string, (caller: Caller, ids: readonly string[]) => Promise<readonly Promise<Job>[]>>
  >,
): Readonly<Record<string, Case>> {
  return Object.fromEntries(
    Object.entries(useCases).map(([name, change]) => [
      name,
      {
        scope,
        call: async (caller, { held }) => await Promise.all(await change(caller, [held.id])),
        toAnother: NOT_FOUND,
      } satisfies Case,
    ]),
  );
}

test("each use case has a case, so that a new one is called below too", async () => {
  const files = globSync("*.ts", { cwd: FOLDER });
  const modules: readonly object[] = await Promise.all(
    files.map((file) => import(join(FOLDER, file))),
  );
  const useCases = modules.flatMap((exported) =>
    Object.entries(exported).flatMap(([name, one]) => (typeof one === "function" ? [name] : [])),
  );
  expect(useCases.length).toBeGreaterThan(20);
  expect(useCases.toSorted()).toEqual(Object.keys(CASES).toSorted());
});

test.each(Object.entries(CASES))(
  "%s is refused without its scope, before anything is asked of anybody",
  async (_name, { scope, call }) => {
    const { openCaller, theirs, statements, upstream } = await openWorld();
    const others = SCOPES.filter((one) => scope === null || !one.startsWith(scope));
    const without = openCaller(createViewer({ scopes: new Set(scope === null ? [] : others) }));
    statements.length = 0;
    const outcome = await endOf(call(without, theirs));
    if (scope === null) return expect(outcome).not.toMatchObject({ code: "FORBIDDEN" });
    expect(outcome).toMatchObject({
      code: "FORBIDDEN",
      message: expect.stringContaining(`\`${scope}\``),
    });
    expect(statements).toEqual([]);
    expect(upstream.requests).toEqual([]);
    const withIt = openCaller(
      createViewer({ ownerId: "theirs", scopes: new Set([scope]), credential: OTHER }),
    );
    expect(await endOf(call(withIt, theirs))).not.toMatchObject({ code: "FORBIDDEN" });
  },
);

test.each(Object.entries(CASES))(
  "for another owner %s neither finds nor changes what is theirs",
  async (_name, { call, toAnother }) => {
    const { openCaller, theirs, store } = await openWorld();
    const scopes = new Set(SCOPES.filter((scope) => scope !== "jobs:read:all"));
    const ids = [theirs.ended.id, theirs.waiting.id, theirs.held.id];
    const before = await store.jobs.readMany(ids);
    const outcome = await endOf(
      call(openCaller(createViewer({ ownerId: "mine", scopes })), theirs),
    );
    if (typeof toAnother === "string") expect(outcome).toMatchObject({ name: toAnother });
    else if (toAnother === null) expect(outcome).toBeNull();
    else expect(outcome).toMatchObject(Object(toAnother));
    expect(await store.jobs.readMany(ids)).toEqual(before);
    expect(before).not.toContain(null);
    if (typeof toAnother !== "string" && toAnother !== null) return;
    // Its owner finds it: the case is about something.
    const found = await endOf(
      call(openCaller(createViewer({ ownerId: "theirs", scopes, credential: OTHER })), theirs),
    );
    expect(found).toBeTruthy();
    expect(found).not.toMatchObject({ name: NOT_FOUND });
  },
);

/** A gateway without a server, in which `mine` has a job whose change comes after all that is theirs. */
async function openWorld() {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const gateway = await openInProcessGateway({
    tracking(store) {
      const tracking = connectTracking({ upstream, store, submitTimeoutSeconds: 5 });
      onTestFinished(() => tracking.close());
      return tracking;
    },
  });
  const { store, statements } = gateway;
  const after = await store.feed.readHead();
  const facts = { ownerId: "theirs", deploymentId: "of-them", tags: [TAG] };
  const uploadId = await gateway.addUpload({ ownerId: "theirs" });
  const submitted = await gateway.addJob({ ...facts, key: KEY, uploads: [uploadId] });
  const requestId = upstream.accept("of-them");
  const waiting = await gateway.observe(await gateway.addJob(facts), {
    kind: "accepted",
    requestId,
  });
  const accepted = await gateway.observe(submitted, { kind: "accepted", requestId: "r" });
  const output = { image: "https://x.runcomfy.net/a.png" };
  const seen = { kind: "succeeded", output, finishedAt: null } as const;
  const ended = await gateway.observe(accepted, seen);
  const held = await gateway.addJob({
    ...{ ownerId: "theirs", deploymentId: "of-them" },
    hold: { ...HOLD, needsApproval: true },
  });
  const own = await gateway.addJob({ ownerId: "mine", deploymentId: "of-mine" });
  await gateway.observe(own, { kind: "accepted", requestId: "mine" });

  return {
    ...{ store, statements, upstream },
    theirs: { ended, waiting, held, uploadId, after },
    openCaller(viewer: Viewer): Caller {
      const caller = gateway.openContext(viewer);
      const { uploads } = caller.engine.files;
      const createUploadOf: typeof uploads.createUpload = async (given, { ownerId }) => {
        const createdAt = new Date(0);
        const facts = { id: createUploadId(), ownerId, createdAt, file: null };
        return { ...given, ...facts, width: null, height: null, putUrl: "https://x.example/" };
      };
      const files = {
        ...caller.engine.files,
        uploads: { ...uploads, createUpload: createUploadOf },
      };
      return { ...caller, engine: { ...caller.engine, files } };
    },
  };
}

/** The first event of a stream, which is left. */
async function firstOf<Event>(stream: AsyncIterable<Event>): Promise<Event | null> {
  for await (const event of stream) return event;
  return null;
}

/** What a call ends with, which nobody else sees. */
async function endOf(call: Promise<unknown>): Promise<unknown> {
  return await call.catch((error: unknown) => error);
}
