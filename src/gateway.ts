import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Logger } from "pino";
import { DOCUMENTS } from "runcomfy-graphql-client";

import { loadTrustedDocuments } from "./api/operations/trusted-documents.ts";
import { createContexts } from "./api/schema/context.ts";
import { createSchema } from "./api/schema/create-schema.ts";
import { startServer } from "./api/server/start-server.ts";
import { createSessions } from "./auth/authenticator.ts";
import { createAuthenticator } from "./auth/create-authenticator.ts";
import { createSignIns } from "./auth/sign-ins.ts";
import { type Channels, createChannels } from "./engine/diagnostics/channels.ts";
import { type OpenedEngine, openEngine } from "./engine/open-engine.ts";
import type { TokenState } from "./engine/runcomfy/live-deployments.ts";
import { type GatewayConfig, OpenParts } from "./open-parts.ts";
import { entryMembersOf, grantsOf, loadSchemaParts, loadTables } from "./parts.ts";
import { clock } from "./runtime/environment.ts";
import { ByteLimit, MAX_HELD_BYTES, TOO_MUCH_SENT, TOO_MUCH_UNREAD } from "./runtime/byte-limit.ts";
import { Opened } from "./runtime/opened.ts";

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
  const opened = new Opened();
  // Unlike a catch, it keeps the reason of a failed start where closing fails too.
  await using opening = new AsyncDisposableStack();
  opening.defer(() => opened.close());

  const { channels = createChannels() } = options;
  const version = readVersion();
  const parts = new OpenParts(config, opened);
  const log = await parts.observe(version, { channels, log: options.log });
  for (const warning of config.warnings) log.warn(warning);

  const { auth, httpAccess, limits } = config;
  const isSandbox = config.upstream.kind === "sandbox";
  const all = config.parts.map(({ part }) => part);
  const authenticator = opened.keep(
    await createAuthenticator({ config: auth, limits: limits.owner, ...grantsOf(all), log }),
  );
  const sessions = opened.keep(createSessions({ log }));

  const tables = await loadTables(parts.on);
  const { submitOptions, costs, admissions } = parts;
  const engine = await openEngine(config, {
    ...{ tables, submitOptions, costs, admissions, opened, channels, log },
    entryMembers: entryMembersOf(all),
    isRevoked: authenticator.isRevoked,
  });
  const { catalogue, store, files, live, tracking } = engine;
  const signIns = httpAccess.hasSignIns
    ? opened.keep(createSignIns({ rows: store.signIns, key: files.key, authenticator, sessions }))
    : null;
  await parts.openOn({ ...engine, version, folder: FOLDER });
  // After the parts, so that they know of each job that it settles.
  await tracking.start();

  const access = await toAccess(config, engine, parts);
  // Strangers get the page too, but without a file there are at most the sandbox's deployments, which are no secret.
  const isExampleShown = access.isOpen || !config.deploymentsFile;
  const onUnread = () => channels.refused.publish("unread");
  const server = opened.keep(
    await startServer({
      host: config.host,
      port: config.port,
      schema: createSchema(catalogue, await loadSchemaParts(parts.on)),
      createContext: createContexts(engine, parts.services),
      database: store,
      upstreamWebhooks: tracking.upstreamWebhooks,
      example: isExampleShown ? (catalogue.deployments[0] ?? null) : null,
      memory: {
        bodies: new ByteLimit(TOO_MUCH_SENT, MAX_HELD_BYTES, onUnread),
        answers: new ByteLimit(TOO_MUCH_UNREAD, MAX_HELD_BYTES, onUnread),
      },
      httpAccess: access,
      answers: parts.open,
      pages: parts.urls.filter(([, url]) => url.startsWith("/")),
      ...{ authenticator, sessions, signIns, files, limits, channels, log },
    }),
  );
  parts.figures.push(...server.figures);
  files.serveAt(server.url);
  // The engine has asked by now.
  const patience = clock.sleep(FIRST_CALL_PATIENCE_MS, { ref: false });
  if (!isSandbox) await Promise.race([live.list(), patience]);
  opening.move();

  return {
    url: server.url,
    port: server.port,
    urls: parts.urls.map(([title, url]) => [title, new URL(url, server.url).href]),
    upstream: {
      origin: engine.upstreamOrigin,
      isSandbox,
      token: isSandbox ? "accepted" : live.token(),
    },
    async close(drained) {
      server.leave();
      await drained;
      // Submits get their patience from now on, not from the end of the server's own.
      tracking.stopSubmits();
      engine.endWaits.stop();
      parts.stop();
      await opened.close();
    },
  };
}

/** From where the gateway may be called, and with which documents. */
async function toAccess(
  { auth, httpAccess, upstream }: GatewayConfig,
  { store }: OpenedEngine,
  parts: OpenParts,
) {
  const { origins, trustedDocumentsFile: file } = httpAccess;
  const isOpen = auth.kind === "none";
  return {
    ...httpAccess,
    isOpen,
    origins: origins ?? [],
    // A developer of a page here needs no setting, and no other page can spend money or read what cost some.
    admitsLoopback:
      origins === null &&
      upstream.kind === "sandbox" &&
      isOpen &&
      !(await store.jobs.holdsOthers()),
    trustedDocuments:
      file === null ? null : await loadTrustedDocuments(file, [...DOCUMENTS, ...parts.documents()]),
  };
}

/** The gateway starts without an answer too. */
const FIRST_CALL_PATIENCE_MS = 1_000;

const FOLDER = fileURLToPath(new URL("..", import.meta.url));

/** The version in package.json. */
export function readVersion(): string {
  const { version } = JSON.parse(readFileSync(join(FOLDER, "package.json"), "utf8"));
  return String(version);
}
