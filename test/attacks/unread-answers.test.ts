import { once } from "node:events";

import { afterAll, expect, onTestFinished, test } from "vitest";

import { ask } from "../support/graphql-client.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";
import { openRawWebSocket, toBytes } from "./raw-web-socket.ts";

const SOCKETS = 100;
const QUERIES = 200;
/** Requests of somebody else, one after the other. */
const OTHERS = 80;
const MAX_MIB = 1_300;
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

const gateway = await startAttackedGateway();
afterAll(() => gateway.end());

test.each([["hang up"], ["stay"]])(
  "100 sockets that each ask 200 times, read nothing and %s take no turn for long",
  { timeout: 120_000 },
  async (how) => {
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
    for (const _ of [1, 2]) await ask(gateway.url, SCHEMA);
    await gateway.expectShortTurns(async () => {
      for (const socket of sockets) socket.write(QUESTIONS);
      for (let count = 0; count < OTHERS; count++) {
        // By then some were answered, and most wait.
        if (how === "hang up" && count === OTHERS / 4)
          for (const socket of sockets) socket.destroy();
        expect(await ask(gateway.url, "{ __typename }")).toEqual({ __typename: "Query" });
      }
    });
    expect(gateway.readPeakMib()).toBeLessThan(MAX_MIB);
  },
);
