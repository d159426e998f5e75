import { connect } from "node:net";

const CONNECTIONS = 32;
const NOTHING = Buffer.alloc(0);
const HEAD_END = "\r\n\r\n";

export type Answers = {
  /** Of each answer, from its request on. */
  readonly tookMs: readonly number[];
  /** Answers that were no 200 with the expected text, and connections that were cut. */
  readonly bad: number;
};

/**
 * Posts the same body on 32 connections for so long; each sends it again as soon as it is answered. By bare sockets, because
 * Node's HTTP client takes more CPU than some of the servers.
 */
export async function postAgainAndAgain(
  url: string,
  { body, expected, durationMs }: { body: string; expected: string; durationMs: number },
): Promise<Answers> {
  const { host, hostname, port, pathname } = new URL(url);
  const request = [
    `POST ${pathname} HTTP/1.1`,
    `host: ${host}`,
    "content-type: application/json",
    "accept: application/json",
    `content-length: ${Buffer.byteLength(body)}${HEAD_END}${body}`,
  ].join("\r\n");
  const endsAt = performance.now() + durationMs;
  const tookMs: number[] = [];
  let bad = 0;

  function run(): Promise<void> {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    const { promise, resolve } = Promise.withResolvers<void>();
    let received = NOTHING;
    let sentAt = 0;
    let isOver = false;
    const send = (): void => {
      sentAt = performance.now();
      socket.write(request);
    };
    socket.once("connect", send);
    socket.on("data", (chunk) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const answer = readAnswer(received);
      if (answer === null) return;
      received = NOTHING;
      const now = performance.now();
      tookMs.push(now - sentAt);
      if (answer !== expected) bad += 1;
      isOver = now > endsAt;
      if (isOver) socket.destroy();
      else send();
    });
    // Its close follows, and counts.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      if (!isOver) bad += 1;
      resolve();
    });
    return promise;
  }

  await Promise.all(Array.from({ length: CONNECTIONS }, run));
  return { tookMs, bad };
}

/** The body of a 200, the whole text of anything else, or null until all is there. */
function readAnswer(received: Buffer): string | null {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd < 0) return null;
  const head = received.toString("latin1", 0, headEnd);
  const bodyStart = headEnd + HEAD_END.length;
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  // In chunks it would not be known where it ends.
  if (length === undefined) return head;
  if (received.length < bodyStart + Number(length)) return null;
  return head.startsWith("HTTP/1.1 200 ")
    ? received.toString("utf8", bodyStart)
    : received.toString();
}
