import { expect, onTestFinished, test } from "vitest";

import { startAttackedGateway } from "./attacked-gateway.ts";
import { openSilently } from "./open-silently.ts";

/** Enough that what each takes stands out from what a process takes anyway. */
const COUNT = 3_000;
const MAX_KIB_EACH = 16;
const HANDSHAKE =
  "GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";

test.each([
  ["connections", ""],
  ["WebSockets", HANDSHAKE],
])(
  "3,000 silent %s take little memory, and others are served",
  { timeout: 60_000 },
  async (_what, firstMessage) => {
    // They shall stay open for the length of the test, on a machine that may be slow.
    const gateway = await startAttackedGateway({
      REQUEST_TIMEOUT_SECONDS: "60",
      IDLE_TIMEOUT_SECONDS: "60",
    });
    onTestFinished(() => gateway.end());
    const before = await gateway.readHeldMib();
    const { open, close } = await openSilently(gateway.port, COUNT, firstMessage);
    onTestFinished(close);
    expect(open).toBe(COUNT);
    await gateway.expectHeldBelow(before + (COUNT * MAX_KIB_EACH) / 1_024);
    await gateway.expectUnharmed();
  },
);
