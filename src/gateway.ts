import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Logger } from "pino";
import { DOCUMENTS } from "runcomfy-graphql-client";

import { chance, clock } from "./runtime/environment.ts";
import { createAuthenticator } from "./auth/create-authenticator.ts";
import { createSessions } from "./auth/authenticator.ts";
import { createSignIns } from "./auth/sign-ins.ts";
import type { Config } from "./config/load-config.ts";
import { OPEN_CATALOGUE } from "./engine/deployments/catalogue.ts";
import type { Channels } from "./engine/diagnostics/channels.ts";
import { createChannels } from "./engine/diagnostics/channels.ts";
import { nameUpstream, SANDBOX } from "./engine/job/upstream.ts";
import { openFiles } from "./engine/files/open-files.ts";
import { startOutageProbe, UpstreamHealth } from "./engine/runcomfy/upstream-health.ts";
import type { TokenState } from "./engine/runcomfy/live-deployments.ts";
import { createLiveDeployments } from "./engine/runcomfy/live-deployments.ts";
import { createRunComfy } from "./engine/runcomfy/create-runcomfy.ts";
import { findAdapter } from "./engine/runcomfy/kinds/find-kind.ts";
import type { Engine } from "./engine/engine.ts";
import type { GatewayConfig } from "./open-parts.ts";
import { OpenParts } from "./open-parts.ts";
import { loadSchemaParts, loadTables, scopesOf } from "./parts.ts";
import { createMemoryBudget } from "./runtime/memory-budget.ts";
import { createCaller } from "./engine/caller.ts";
import { createSchema } from "./api/schema/create-schema.ts";
import { createReadQueues } from "./engine/reads/reads.ts";
import { startServer } from "./api/server/start-server.ts";
import { startUpstream } from "./start-upstream.ts";
import { loadTrustedDocuments } from "./api/operations/trusted-documents.ts";
import { openStore } from "./engine/store/open-store.ts";
import { startRetention } from "./engine/tracking/job-deletion.ts";
import { createTracking } from "./engine/tracking/tracking.ts";
import {
  createDetailReader,
  createJobReader,
  createFeedReader,
} from "./engine/watch/shared-readers.ts";
import { createEndWaits, createJobWatch } from "./engine/watch/watch-job.ts";
import { FeedWatch } from "./engine/watch/watch-jobs.ts";
import { MODELS_OFF_STEP } from "./engine/runcomfy/services.ts";

/** A gateway that serves. */
export type Gateway = {
  /** Its origin; GraphQL is at `/graphql`. */
  readonly url: string;
  readonly port: number;
  /** Where people find parts, each with a title. */
  readonly urls: readonly (readonly [title: string, url: string])[];
  readonly upstream: {
    readonly origin: string;
    readonly isSandbox: boolean;
    /** What the upstream has said of it by the end of the start. */
    readonly token: TokenState;
  };
  /**
   * Lets `/ready` fail and serves until `drained`, at once by default; then closes everything in reverse order of opening,
   * and tries all. Rejects as an `AsyncDisposableStack`.
   */
  close(drained?: Promise<unknown>): Promise<void>;
};

/**
 * Opens everything that `config` asks for. If something can't be opened, closes what was opened before and rejects: with
 * a `SuppressedError`, which has both reasons, where closing fails too.
 */
export async function startGateway(
  config: GatewayConfig,
  options: { readonly log: Logger; readonly channels?: Channels },
): Promise<Gateway> {
  const opened = new AsyncDisposableStack();
  const keep = <Opened extends { close(): Promise<void> }>(one: Opened): Opened =>
    opened.adopt(one, () => one.close());
  let hangUp = (): void => undefined;
  const closeAll = (): Promise<void> => {
    const stopTimer = clock.setTimer(() => hangUp(), DATABASE_PATIENCE_MS);
    return opened.disposeAsync().finally(stopTimer);
  };
  // Unlike a catch, it keeps the reason of a failed start where closing fails too.
  await using opening = new AsyncDisposableStack();
  opening.defer(closeAll);
  const { channels = createChannels() } = options;
  const parts = new OpenParts(config, opened);
  const log = await parts.observe(readVersion(), { channels, log: options.log });
  for (const warning of config.warnings) log.warn(warning);
  const deploymentsFile = findDeploymentsFile(config);
  const loaded =
    deploymentsFile === null ? null : await loadDeployments(deploymentsFile, config.upstream.kind);
  const catalogue = loaded?.catalogue ?? OPEN_CATALOGUE;
  for (const warning of loaded?.warnings ?? []) log.warn({ deploymentsFile }, warning);
  const { auth, httpAccess, limits } = config;
  const origins = httpAccess.origins ?? [];
  const scopes = scopesOf(config.parts.map(({ part }) => part));
  const authenticator = keep(
    await createAuthenticator({ config: auth, limits: limits.owner, scopes, log }),
  );
  const sessions = createSessions({ log });
  opened.defer(() => sessions.close());
  const { databaseUrl, apiVersion, submitTimeoutSeconds } = config;
  const store = keep(
    await openStore({
      databaseUrl,
      upstream: nameConfigured(config.upstream),
      parts: await loadTables(parts.on),
      channels,
      log,
    }),
  );
  hangUp = store.hangUp;
  const { key } = await store.files.readPlace();
  const signIns = httpAccess.hasSignIns
    ? keep(createSignIns({ rows: store.signIns, key, authenticator, sessions }))
    : null;
  // After the database: where another gateway has that, it has the sandbox's port too.
  const sandbox = { deployments: catalogue.deployments, token: chance.uuid(), log };
  const upstream = keep(await startUpstream(config, sandbox));
  let listensAt = "";
  const files = keep(
    await openFiles({
      store,
      config,
      upstreamOrigin: new URL(upstream.baseUrl).origin,
      publicUrl: () => config.files.publicUrl ?? listensAt,
      log,
    }),
  );
  const health = new UpstreamHealth({
    now: clock.monotonic,
    random: chance.random,
    log,
    longestBackOffMs: config.outageBackOffSeconds * 1_000,
  });
  const runcomfy = keep(
    createRunComfy({
      baseUrl: upstream.baseUrl,
      modelUrl: upstream.modelUrl,
      token: upstream.token,
      submitTimeoutMs: submitTimeoutSeconds * 1_000,
      health,
      findOutputs: (id) => catalogue.find(id)?.outputs ?? null,
      channels,
      log,
    }),
  );
  keep(startOutageProbe({ health, runcomfy }));
  const live = createLiveDeployments({
    runcomfy,
    ids: catalogue.liveIds,
    findListedKind: (id) => catalogue.find(id)?.kind ?? null,
    log,
  });
  const hasModels = catalogue.deployments.some(
    ({ kind }) => findAdapter(kind).service === "models",
  );
  if (upstream.modelUrl === null && hasModels) log.warn({ deploymentsFile }, MODELS_OFF);
  const isSandbox = config.upstream.kind === "sandbox";
  const isOpen = auth.kind === "none";
  // Whoever develops a page here needs no setting, and no other page can spend money or read what cost some.
  const admitsLoopback =
    httpAccess.origins === null && isSandbox && isOpen && !(await store.jobs.holdsOthers());
  // An early call shows whether the token is accepted. A sandbox's token was made for it.
  const firstCall = isSandbox ? null : live.list();
  const { jobRetentionDays: days } = config;
  // Before the tracking, so that closing it holds up no handover.
  if (days !== null) keep(startRetention({ jobs: store.jobs, days, log }));
  const readJob = createJobReader(store.jobs, log);
  const watchJob = createJobWatch({
    feed: store.feed,
    readJob,
    estimate: (job) => tracking.learning.estimate(job),
  });
  const tracking = keep(
    createTracking({
      store,
      runcomfy,
      health,
      catalogue,
      live,
      watchJob,
      uploads: files.uploads,
      onKeep: files.onKeep,
      onDelete: files.onDelete,
      channels,
      drawsSeeds: config.drawsSeeds,
      apiVersion,
      toHintUrl: config.areHintsAsked ? files.toHintUrl : null,
      deadlineSeconds: config.jobDeadlineSeconds,
      submitTimeoutSeconds,
      submitsAtOnce: config.submitsAtOnce,
      submitMarginSeconds: config.submitMarginSeconds,
      pollsAtOnce: config.pollsAtOnce,
      pollCostSeconds: config.pollCostSeconds,
      log,
    }),
  );
  await tracking.start();
  const queues = createReadQueues(store.readTurns);
  const feed = createFeedReader({ feed: store.feed, queue: queues.reads, log });
  const details = createDetailReader(store, queues);
  const endWaits = createEndWaits(watchJob);
  const { learning, submitter, inputChecker, canceller, deleter, labeler } = tracking;
  const engine: Engine = {
    ...{ config, store, catalogue, live, health, files, channels, log },
    ...{ learning, submitter, inputChecker, canceller, deleter, labeler },
    ...{ details, queues, mostAnswerBytes: limits.answerBytes, watchJob, endWaits },
    feedWatch: new FeedWatch({ subscribe: store.feed.subscribe, feed }),
    submitOptions: parts.submitOptions,
  };
  await parts.openOn({ ...engine, version: readVersion(), folder: FOLDER });
  const trustedDocuments = await loadTrusted(httpAccess.trustedDocumentsFile, parts.documents);
  const server = keep(
    await startServer({
      host: config.host,
      port: config.port,
      schema: createSchema(catalogue, await loadSchemaParts(parts.on)),
      createContext: (origin) => ({ ...createCaller(engine, origin), parts: parts.services }),
      checkDatabase: () => store.ping(),
      // Strangers get the page too, but without a file there are at most the sandbox's deployments, which are no secret.
      example: isOpen || !config.deploymentsFile ? (catalogue.deployments[0] ?? null) : null,
      isSandbox,
      authenticator,
      sessions,
      signIns,
      files,
      takeHint: (jobId) => tracking.hints.take(jobId),
      memory: createMemoryBudget({ mostBytes: limits.unreadBytes, channels }),
      httpAccess: { ...httpAccess, origins, admitsLoopback, isOpen, trustedDocuments },
      answers: parts.open,
      pages: parts.urls.filter(([, url]) => url.startsWith("/")),
      limits,
      channels,
      log,
    }),
  );
  parts.figures.push(...server.figures);
  listensAt = server.url;
  const { origin } = new URL(upstream.baseUrl);
  await Promise.race([firstCall, clock.sleep(FIRST_CALL_PATIENCE_MS, { ref: false })]);
  opening.move();
  return {
    url: server.url,
    port: server.port,
    urls: parts.urls.map(([title, url]) => [title, new URL(url, server.url).href]),
    upstream: { origin, isSandbox, token: isSandbox ? "accepted" : live.token() },
    async close(drained) {
      server.leave();
      await drained;
      // Submits get their patience from now on, not from the end of the server's own.
      tracking.stopSubmits();
      endWaits.stop();
      parts.stop();
      await closeAll();
    },
  };
}

function nameConfigured(upstream: Config["upstream"]): string {
  return upstream.kind === "sandbox" ? SANDBOX : nameUpstream(upstream, upstream.account);
}

/** Loads what checks inputs, only where a file says what they are. */
async function loadDeployments(file: string, upstream: Config["upstream"]["kind"]) {
  const { loadCatalogue } = await import("./engine/deployments/load-catalogue.ts");
  return await loadCatalogue(file, upstream);
}

/** The file of the deployments that exist: the user's, the sandbox's own, or none. */
function findDeploymentsFile({ upstream, deploymentsFile }: Config): string | null {
  if (deploymentsFile !== null || upstream.kind === "runcomfy") return deploymentsFile;
  return createRequire(import.meta.url).resolve("runcomfy-sandbox/deployments.json");
}

/** The documents that may run, those of parts and of the client among them; null admits every document. */
async function loadTrusted(file: string | null, ofParts: readonly string[]) {
  return file === null ? null : await loadTrustedDocuments(file, [...DOCUMENTS, ...ofParts]);
}

const MODELS_OFF = `The deployments file lists models, but RUNCOMFY_BASE_URL is not RunComfy's own, so models are off and their submits are refused. ${MODELS_OFF_STEP}`;

/** The gateway starts without an answer too. */
const FIRST_CALL_PATIENCE_MS = 1_000;

/** Longer than submits and answers get, and short of the 10 s in which a stop has to end. */
const DATABASE_PATIENCE_MS = 8_500;

const FOLDER = fileURLToPath(new URL("..", import.meta.url));

/** The version in package.json. */
export function readVersion(): string {
  const { version } = JSON.parse(readFileSync(join(FOLDER, "package.json"), "utf8"));
  return String(version);
}
