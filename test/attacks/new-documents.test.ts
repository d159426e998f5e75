import { once } from "node:events";
import type { Socket } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { OPEN_CATALOGUE } from "../../src/deployments/catalogue.ts";
import { createSchema } from "../../src/schema/create-schema.ts";
import { serve } from "../server/serve.ts";
import { openSocket } from "../support/raw-socket.ts";
import { measureLongestTurn } from "./longest-turn.ts";

const CONNECTIONS = 32;
const LONGEST_DOCUMENT = 10_000;
/** V8 compiles what judges documents when it has run a few times. */
const FIRST = 10;
const MOST_OF_A_TURN_MS = 150;

type Document = (place: number) => string;

/** As long as a document may be, and dear to judge; none comes twice. */
const DOCUMENTS: readonly (readonly [string, Document])[] = [
  ["valid", (place) => fill(`query Q${place} {`, (at) => `a${at}:viewer{id}`, "}")],
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

test.each(DOCUMENTS)(
  "new documents of one owner, %s, are judged one in a turn of the event loop",
  async (_what, toDocument) => {
    const { port } = await serve({ schema: createSchema(OPEN_CATALOGUE) });
    const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => openSocket(port)));
    onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
    for (let place = 0; place < FIRST; place += 1)
      await Promise.all(sockets.slice(0, 1).map((one) => ask(one, toDocument(place))));
    const stop = measureLongestTurn();
    const answers = await Promise.all(
      sockets.map((socket, place) => ask(socket, toDocument(FIRST + place))),
    );
    expect(stop()).toBeLessThan(MOST_OF_A_TURN_MS);
    expect(answers.join("")).not.toContain("DOCUMENT_TOO_LARGE");
  },
);

/** Resolves with how the answer begins. */
async function ask(socket: Socket, query: string): Promise<string> {
  const body = JSON.stringify({ query });
  const answer = once(socket, "data");
  socket.write(
    `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return String(await answer);
}

function fill(head: string, toPart: (at: number) => string, tail: string): string {
  let text = head;
  for (let at = 0; ; at += 1) {
    const part = toPart(at);
    if (text.length + part.length + tail.length > LONGEST_DOCUMENT) return text + tail;
    text += part;
  }
}
