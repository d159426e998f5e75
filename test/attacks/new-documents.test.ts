import { once } from "node:events";

import { afterAll, expect, onTestFinished, test } from "vitest";

import { openSocket } from "../support/raw-socket.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";
import { openRawWebSocket } from "./raw-web-socket.ts";

const CONNECTIONS = 32;
const MAX_DOCUMENT_LENGTH = 10_000;
/** V8 compiles what validates documents when it has run a few times. */
const FIRST = 20;

const gateway = await startAttackedGateway();
afterAll(() => gateway.end());

type Document = (place: number) => string;

const toValid: Document = (place) => fill(`query Q${place} {`, (at) => `a${at}:viewer{id}`, "}");

/** As long as a document may be, and expensive to validate; none comes twice. */
const DOCUMENTS: readonly (readonly [string, Document])[] = [
  ["valid", toValid],
  ["invalid", (place) => fill(`query Q${place} (`, (at) => `$v${at}:Int `, "){__typename}")],
  [
    "full of values",
    (place) =>
      fill(
        `mutation M${place} {submitJob(deploymentId:"d",input:{`,
        (at) => `a${at}:1 `,
        "}){__typename}}",
      ),
  ],
  [
    "full of operations",
    (place) => fill(`query P${place}{__typename}`, (at) => `query Q${at}{__typename}`, ""),
  ],
];

/** Opens a connection; what it gives asks for a document, and resolves with how the answer begins. */
type Connect = (port: number) => Promise<(query: string) => Promise<string>>;

const byPost: Connect = (port) => connect(port, "application/json");
const CASES = [
  ...DOCUMENTS.map(([what, toDocument]) => [what, byPost, toDocument] as const),
  ["for event streams", (port: number) => connect(port, "text/event-stream"), toValid] as const,
  ["on sockets", connectSocket, toValid] as const,
];

test.each(CASES)(
  "new documents of one owner, %s, take no turn for long, and neither do they when they come again",
  async (_what, open, toDocument) => {
    const asks = await Promise.all(Array.from({ length: CONNECTIONS }, () => open(gateway.port)));
    for (let place = 0; place < FIRST; place += 1) await asks[0]?.(toDocument(place));
    for (const _when of ["first", "again"]) {
      const answers = await gateway.expectShortTurns(() =>
        Promise.all(asks.map((ask, place) => ask(toDocument(FIRST + place)))),
      );
      expect(answers.join("")).not.toContain("DOCUMENT_TOO_LARGE");
    }
  },
);

async function connect(port: number, accept: string): ReturnType<Connect> {
  const socket = await openSocket(port);
  onTestFinished(() => void socket.destroy());
  return async (query) => {
    const body = JSON.stringify({ query });
    const head = `POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\nContent-Type: application/json`;
    const answer = once(socket, "data");
    socket.write(`${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    return String(await answer);
  };
}

async function connectSocket(port: number): ReturnType<Connect> {
  const { socket, messages, say } = await openRawWebSocket(port);
  onTestFinished(() => void socket.destroy());
  say({ type: "connection_init" });
  await expect.poll(() => messages.length).toBe(1);
  return async (query) => {
    const answers = messages.length;
    say({ type: "subscribe", id: `${answers}`, payload: { query } });
    await expect
      .poll(() => messages.length, { timeout: 20_000, interval: 1 })
      .toBeGreaterThan(answers);
    return messages[answers] ?? "";
  };
}

function fill(head: string, toPart: (at: number) => string, tail: string): string {
  let text = head;
  for (let at = 0; ; at += 1) {
    const part = toPart(at);
    if (text.length + part.length + tail.length > MAX_DOCUMENT_LENGTH) return text + tail;
    text += part;
  }
}
