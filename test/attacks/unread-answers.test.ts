import { once } from "node:events";

import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { startGateway } from "../../src/gateway.ts";
import { openRawWebSocket, toBytes } from "./raw-web-socket.ts";
import { createTurnWatch } from "./turn-watch.ts";

const SOCKETS = 100;
const QUERIES = 200;
/** Requests of somebody else, one after the other. */
const OTHERS = 80;
const MOST_MS_A_TURN = 150;
const MOST_MIB = 1_300;
const JSON_ONLY = { accept: "application/json" };
const TEXT = 0x1;
const SCHEMA = "{ __schema { types { description fields { name description } } } }";
const say = (message: unknown): Buffer =>
  toBytes({ opcode: TEXT, payload: JSON.stringify(message) });
const INIT = say({ type: "connection_init" });
const QUESTIONS = Buffer.concat(
  Array.from({ length: QUERIES }, (_, id) =>
    say({ type: "subscribe", id: String(id), payload: { query: SCHEMA } }),
  ),
);

test.each([["hang up"], ["stay"]])(
  "100 sockets that each ask 200 times, read nothing and %s take no turn for long",
  { timeout: 120_000 },
  async (how) => {
    const config = loadConfig({ PORT: "0", SANDBOX_PORT: "0", DATABASE_URL: ":memory:" });
    const gateway = await startGateway(config, { log: pino({ level: "silent" }) });
    onTestFinished(() => gateway.close());
    const sockets = await Promise.all(
      Array.from({ length: SOCKETS }, async () => {
        const { socket } = await openRawWebSocket(gateway.port);
        onTestFinished(() => void socket.destroy());
        await once(socket, "data");
        socket.write(INIT);
        await once(socket, "data");
        return socket.pause();
      }),
    );
    // The second time a document is compiled, which is not what is measured.
    for (const _ of [1, 2]) await ask(`?query=${encodeURIComponent(SCHEMA)}`);
    const turns = createTurnWatch();
    for (const socket of sockets) socket.write(QUESTIONS);
    for (let count = 0; count < OTHERS; count++) {
      // By then some were answered, and most wait. What it takes to destroy a socket here counts in the turn, too.
      if (how === "hang up" && count >= OTHERS / 4)
        for (const socket of sockets.splice(0, SOCKETS / 10)) socket.destroy();
      expect(await ask("?query={__typename}")).toBe('{"data":{"__typename":"Query"}}');
    }
    expect(turns.end()).toBeLessThan(MOST_MS_A_TURN);
    // The clients are in it, too.
    expect(process.memoryUsage().rss / 1_048_576).toBeLessThan(MOST_MIB);

    async function ask(search: string): Promise<string> {
      return await (await fetch(`${gateway.url}/graphql${search}`, { headers: JSON_ONLY })).text();
    }
  },
);
