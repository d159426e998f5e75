import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { pino } from "pino";
import { onTestFinished } from "vitest";

import { loadConfig } from "../support/parts.ts";
import type { Channels } from "../../src/engine/diagnostics/channels.ts";
import { startGateway } from "../../src/gateway.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import * as client from "../support/graphql-client.ts";
import { createDatabase } from "../support/postgres.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

type Variables = Readonly<Record<string, string>>;
type Options = { readonly upstream?: FaultyUpstream; readonly channels?: Channels };

export type OpenGateway = Awaited<ReturnType<typeof openGateway>>;

/** The variables of a gateway that runs the sandbox, with files of its own, beside an account's if it is given one. */
export const SANDBOX = { UPSTREAM: "sandbox", SANDBOX_PORT: "0", SANDBOX_SPEED: "50" };

/**
 * A gateway in this process, in front of a faulty upstream of its own or a given one, on a database in memory and a new
 * folder of files unless variables say otherwise.
 */
export async function openGateway(variables: Variables = {}, options: Options = {}) {
  await using opening = new AsyncDisposableStack();
  const folder = opening.adopt(await mkdtemp(join(tmpdir(), "runcomfy-graphql-")), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  const upstream = options.upstream ?? opening.use(await startFaultyUpstream());
  const config = loadConfig({
    PORT: "0",
    DATABASE_URL: ":memory:",
    FILES_URL: `file:${folder}`,
    SANDBOX_DATA: join(folder, "sandbox"),
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
    ...variables,
  });
  const lines: string[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  const gateway = await startGateway(config, { ...options, log });
  let closing: Promise<void> | null = null;
  const close = () => (closing ??= gateway.close());
  opening.defer(() => close().catch(() => undefined));
  const opened = opening.move();
  return {
    url: gateway.url,
    gateway,
    upstream,
    folder,
    /** What it has logged. */
    lines,
    /** Those lines from warnings on. */
    warnings: () => lines.filter((line) => JSON.parse(line).level >= 40),
    /** The data of an answer, which must have no errors. */
    ask: (query: string, variables: object = {}) => client.ask(gateway.url, query, { variables }),
    /** An answer as it is, to the bearer of a key if there is one. */
    async answer(query: string, variables: object = {}, key?: string): Promise<unknown> {
      const response = await fetch(`${gateway.url}/graphql`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(key !== undefined && { authorization: `Bearer ${key}` }),
        },
        body: JSON.stringify({ query, variables }),
      });
      return await response.json();
    },
    async probe() {
      const response = await fetch(`${gateway.url}/ready`);
      return { status: response.status, text: await response.text() };
    },
    /** The same URL at the address that the gateway listens on. */
    here(url: string): string {
      const { pathname, search } = new URL(url);
      return `${gateway.url}${pathname}${search}`;
    },
    close,
    /** Closes what it stands on as well. */
    end: () => opened.disposeAsync(),
  };
}

/** One that ends with the test. */
export async function start(...given: Parameters<typeof openGateway>) {
  const opened = await openGateway(...given);
  onTestFinished(opened.end);
  return opened;
}

/** The URL of a new database of each kind, which goes with the test. */
export const DATABASES = {
  SQLite: async () => `file:${join(await createTemporaryFolder(), "gateway.db")}`,
  async Postgres() {
    const { url, drop } = await createDatabase();
    onTestFinished(drop);
    return url;
  },
};

/** They begin a test of each database. */
export const KINDS = ["SQLite", "Postgres"] as const;
