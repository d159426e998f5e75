import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { refusal, send } from "./answer.ts";
import { createEndpoints } from "./endpoints.ts";
import { createFaults } from "./faults.ts";
import { openRequestStore } from "./request-store.ts";
import { createWebhooks } from "./webhooks.ts";

const HOST = "127.0.0.1";
const REQUEST_TIMEOUT_MS = 30_000;
/** How late an answer comes that was asked to be slow; at speed 1. */
const SLOW_ANSWER_MS = 10_000;

/**
 * Starts an HTTP server that answers like RunComfy. Rejects with Node's own error when the port is taken (EADDRINUSE)
 * and with a sentence when the data folder can't be used or a fault is none.
 *
 * @example
 * const sandbox = await startSandbox({ port: 0, token: "sandbox", speed: 20, dataFolder: null });
 * sandbox.setFaults(["lost-answer:submit*1"]);
 * await sandbox.close();
 */
export async function startSandbox(options: {
  /** 0 takes a free one. */
  readonly port: number;
  /** The bearer token that clients must send. */
  readonly token: string;
  /** How many times faster than usual its time runs. */
  readonly speed: number;
  /** Where requests are kept, null for in memory only. */
  readonly dataFolder: string | null;
  /** What it runs: entries of a file `{"deployments":[{id,kind?,name,inputSchema?}]}`, else its own. */
  readonly deployments?: readonly unknown[] | undefined;
  /** What its calls fall into from the start: names of faults, as README.md has them. */
  readonly faults?: readonly string[];
  /** How long after a request's end its files are there; 7 days by default. */
  readonly filesExpireSeconds?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  readonly log?: { error(fields: { readonly err: unknown }, message: string): void };
}): Promise<{
  readonly url: string;
  readonly port: number;
  /** Takes the place of all faults before; an empty list ends them. Throws a sentence where a text is no fault. */
  setFaults(texts: readonly string[]): void;
  close(): Promise<void>;
}> {
  const { token, speed, dataFolder, deployments, now = Date.now } = options;
  const { filesExpireSeconds = 7 * 86_400 } = options;
  const faults = createFaults(options.faults ?? []);
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS });
  server.listen(options.port, HOST);
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  const origin = `http://${HOST}:${port}`;
  const store = openStore();
  const webhooks = createWebhooks({ origin, store, faults, speed, now });
  const answer = createEndpoints({
    origin,
    token,
    store,
    webhooks,
    faults,
    deployments,
    filesExpireMs: filesExpireSeconds * 1_000,
    speed,
    now,
  });
  // No connection is read before this turn of the event loop ends, so none is missed.
  server.on("request", (request, response) => {
    answer(request).then(
      (ready) => send(response, ready, SLOW_ANSWER_MS / speed),
      (error: unknown) => fail(request, response, error),
    );
  });

  function openStore() {
    try {
      return openRequestStore(dataFolder, speed);
    } catch (error) {
      server.close();
      throw error;
    }
  }

  function fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (request.destroyed && !request.complete) return;
    options.log?.error({ err: error }, "The sandbox could not answer a request.");
    send(response, refusal(500_001, "The sandbox failed. Its log says why."), 0);
  }

  async function close(): Promise<void> {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
    webhooks.close();
    store.close();
  }

  return { url: origin, port, setFaults: faults.set, close };
}
