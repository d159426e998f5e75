import { createRequire } from "node:module";

import type { Logger } from "pino";

import type { Authenticator } from "../auth/authenticator.ts";
import type { Config } from "../config/load-config.ts";
import { chance, clock } from "../runtime/environment.ts";
import type { Opened } from "../runtime/opened.ts";
import { type Catalogue, type Deployment, OPEN_CATALOGUE } from "./deployments/catalogue.ts";
import { type Admission, createAdmissions } from "./store/admission.ts";
import type { Channels } from "./diagnostics/channels.ts";
import type { Engine } from "./engine.ts";
import { openFiles } from "./files/open-files.ts";
import { nameUpstream, SANDBOX } from "./job/upstream.ts";
import { createRunComfy } from "./runcomfy/create-runcomfy.ts";
import { findAdapter } from "./runcomfy/kinds/find-kind.ts";
import type { EntryMembers } from "./runcomfy/kinds/kind.ts";
import { createLiveDeployments } from "./runcomfy/live-deployments.ts";
import { MODELS_OFF_STEP } from "./runcomfy/services.ts";
import { startUpstream } from "./runcomfy/start-upstream.ts";
import { startOutageProbe, UpstreamHealth } from "./runcomfy/upstream-health.ts";
import type { PartTables } from "./store/migrations.ts";
import { openStore } from "./store/open-store.ts";
import { startRetention } from "./tracking/job-deletion.ts";
import { createTracking, type Tracking } from "./tracking/tracking.ts";
import { createFeedReader } from "./watch/shared-readers.ts";
import { createEndWaits, type EndWaits } from "./watch/watch-job.ts";
import { createFeedWatch } from "./watch/watch-jobs.ts";

/** An engine, with what only a gateway may do with it. */
export type OpenedEngine = Engine & {
  readonly tracking: Pick<Tracking, "start" | "upstreamWebhooks" | "stopSubmits">;
  readonly endWaits: EndWaits;
  /** Of RunComfy, or of the sandbox that was started. */
  readonly upstreamOrigin: string;
};

type Sources = {
  /** What closes all of it. */
  readonly opened: Opened;
  readonly channels: Channels;
  readonly log: Logger;
};

/** Opens what runs jobs; `tracking.start` goes on with those that the database has. Rejects with a `SetupError`. */
export async function openEngine(
  config: Config,
  {
    tables,
    entryMembers,
    submitOptions,
    costs,
    admissions,
    isRevoked,
    ...sources
  }: Sources &
    Pick<Engine, "submitOptions" | "costs"> &
    Pick<Authenticator, "isRevoked"> & {
      readonly tables: readonly PartTables[];
      /** Grows while the parts open, which is before anything is sent. */
      readonly admissions: readonly Admission[];
      readonly entryMembers: readonly EntryMembers[];
    },
): Promise<OpenedEngine> {
  const { opened, channels, log } = sources;
  const catalogue = await loadDeployments(config, entryMembers, log);
  const store = opened.keep(
    await openStore({
      databaseUrl: config.databaseUrl,
      upstream: nameConfigured(config.upstream),
      parts: tables,
      channels,
      log,
    }),
  );
  opened.hangUpAfter(DATABASE_PATIENCE_MS, store.hangUp);
  // After the database: where another gateway has that, it has the sandbox's port too.
  const upstream = await openUpstream(config, catalogue, sources);
  const { runcomfy, health, live, origin: upstreamOrigin } = upstream;
  const files = opened.keep(await openFiles({ store, config, upstreamOrigin, log }));
  const { jobRetentionDays: days } = config;
  // Before the tracking, so that closing it holds up no handover.
  if (days !== null) opened.keep(startRetention({ jobs: store.jobs, days, log }));
  const admission = createAdmissions(admissions);
  const tracking = opened.keep(
    createTracking({
      ...{ store, runcomfy, health, catalogue, live, isRevoked, admission, channels, log },
      uploads: files.uploads,
      onKeep: files.onKeep,
      onDelete: files.onDelete,
      toUpstreamWebhookUrl: config.areUpstreamWebhooksOn ? files.toUpstreamWebhookUrl : null,
      drawsSeeds: config.drawsSeeds,
      apiVersion: config.apiVersion,
      deadlineSeconds: config.jobDeadlineSeconds,
      submitTimeoutSeconds: config.submitTimeoutSeconds,
      submitsAtOnce: config.submitsAtOnce,
      submitMarginSeconds: config.submitMarginSeconds,
      pollsAtOnce: config.pollsAtOnce,
      pollCostSeconds: config.pollCostSeconds,
    }),
  );
  const {
    learning,
    submitter,
    inputChecker,
    holder,
    canceller,
    deleter,
    labeler,
    pauser,
    watchJob,
  } = tracking;
  const feed = createFeedReader({ feed: store.feed, log });
  return {
    ...{ config, store, catalogue, live, health, files, channels, log },
    ...{
      learning,
      submitter,
      inputChecker,
      holder,
      canceller,
      deleter,
      labeler,
      pauser,
      submitOptions,
      costs,
    },
    ...{ watchJob, tracking, admission, upstreamOrigin },
    readBalance: runcomfy.readBalance,
    mostAnswerBytes: config.limits.answerBytes,
    endWaits: createEndWaits(watchJob),
    watchJobs: createFeedWatch({ subscribe: store.feed.subscribe, feed }),
  };
}

/** Opens the way to RunComfy, or starts the sandbox. */
async function openUpstream(
  config: Config,
  catalogue: Catalogue,
  { opened, channels, log }: Sources,
) {
  const sandbox = { deployments: catalogue.deployments, token: chance.uuid(), log };
  const { baseUrl, modelUrl, token } = opened.keep(await startUpstream(config, sandbox));
  const health = new UpstreamHealth({
    now: clock.monotonic,
    random: chance.random,
    log,
    longestBackOffMs: config.outageBackOffSeconds * 1_000,
  });
  const runcomfy = createRunComfy({
    ...{ baseUrl, modelUrl, token, health, channels, log },
    submitTimeoutMs: config.submitTimeoutSeconds * 1_000,
  });
  opened.keep(startOutageProbe({ health, runcomfy }));
  const live = createLiveDeployments({
    runcomfy,
    ids: catalogue.liveIds,
    findListedKind: (id) => catalogue.find(id)?.kind ?? null,
    log,
  });
  const isModel = ({ kind }: Deployment) => findAdapter(kind).service === "models";
  if (modelUrl === null && catalogue.deployments.some(isModel))
    log.warn({ deploymentsFile: findDeploymentsFile(config) }, MODELS_OFF);
  // An early call shows whether the token is accepted. A sandbox's token was made for it.
  if (config.upstream.kind !== "sandbox") void live.list();
  return { runcomfy, health, live, origin: new URL(baseUrl).origin };
}

function nameConfigured(upstream: Config["upstream"]): string {
  return upstream.kind === "sandbox" ? SANDBOX : nameUpstream(upstream, upstream.account);
}

async function loadDeployments(
  config: Config,
  entryMembers: readonly EntryMembers[],
  log: Logger,
): Promise<Catalogue> {
  const deploymentsFile = findDeploymentsFile(config);
  if (deploymentsFile === null) return OPEN_CATALOGUE;
  // It loads what checks inputs, which only a file says.
  const { loadCatalogue } = await import("./deployments/load-catalogue.ts");
  const { kind } = config.upstream;
  const { catalogue, warnings } = await loadCatalogue(deploymentsFile, kind, entryMembers);
  for (const warning of warnings) log.warn({ deploymentsFile }, warning);
  return catalogue;
}

/** The file of the deployments that exist: the user's, the sandbox's own, or none. */
function findDeploymentsFile({ upstream, deploymentsFile }: Config): string | null {
  if (deploymentsFile !== null || upstream.kind === "runcomfy") return deploymentsFile;
  return createRequire(import.meta.url).resolve("runcomfy-sandbox/deployments.json");
}

const MODELS_OFF = `The deployments file lists models, but RUNCOMFY_BASE_URL is not RunComfy's own, so models are off and their submits are refused. ${MODELS_OFF_STEP}`;

/** Longer than submits and answers get, and short of the 10 s in which a stop has to end. */
const DATABASE_PATIENCE_MS = 8_500;
