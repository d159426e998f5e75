import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, expect, test } from "vitest";
import { z } from "zod";

import { runKeyCommand } from "../../src/auth/key-command.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";
import { expectOthersServed } from "./others-served.ts";
import type { RawWebSocket } from "./raw-web-socket.ts";
import { openRawWebSocket } from "./raw-web-socket.ts";

/** So many at once, and again and again: each limit is far below. */
const AT_ONCE = 8;
const ROUNDS = 20;
const OFTEN = { interval: 5, timeout: 10_000 };
const TIMEOUT = { timeout: 60_000 };
const QUESTION = "{ jobs(first: 100) { totalCount edges { node { id input history { at } } } } }";
const SUBMIT = `mutation { submitJob(deploymentId: "d", input: { prompt: "x" }) { ... on SubmitJobSuccess { job { id } } } }`;
const ERROR = z.object({
  message: z.string(),
  extensions: z.object({
    code: z.string(),
    retryAfterSeconds: z.number().min(1).optional(),
    limit: z.number().optional(),
  }),
});
const ANSWER = z.object({ errors: z.array(ERROR).optional() });
/** A subscription that was not begun is answered, like any other operation. */
const REFUSED = z.object({ payload: z.object({ errors: z.array(ERROR) }) });
const MESSAGE = z.object({ type: z.string(), payload: z.unknown().optional() });

const folder = mkdtempSync(join(tmpdir(), "runcomfy-graphql-keys-"));
const file = join(folder, "api-keys.json");
const quiet = await createKey("quiet");
const gateway = await startAttackedGateway({ AUTH: "api-keys", API_KEYS_FILE: file });
afterAll(async () => {
  await gateway.end();
  rmSync(folder, { recursive: true, force: true });
});

test(
  "who sends far more requests than it may is refused, while others are served",
  TIMEOUT,
  async () => {
    const headers = await createKey("greedy-requests", "--requests-per-second", "10");
    const refusals = collectRefusals();
    await expectQuiet(async () => {
      const answers = await atOnce(() => ask(headers, QUESTION));
      for (const { status, retryAfter, errors } of answers) {
        if (status === 200) continue;
        expect({ status, retryAfter }).toEqual({ status: 429, retryAfter: "1" });
        refusals.add(errors);
      }
    });
    refusals.expectAll("RATE_LIMITED", 10, /10 requests in a second/);
  },
);

test(
  "who sends far more operations on a socket than it may is refused, while others are served",
  TIMEOUT,
  async () => {
    const headers = await createKey("greedy-operations", "--requests-per-second", "10");
    const socket = await openSocket(headers);
    const refusals = collectRefusals();
    let id = 0;
    await expectQuiet(async () => {
      const seen = socket.messages.length;
      const ends = () => socket.messages.slice(seen).map((text) => MESSAGE.parse(JSON.parse(text)));
      for (let count = 0; count < AT_ONCE; count++)
        socket.say({ type: "subscribe", id: String(id++), payload: { query: QUESTION } });
      await expect
        .poll(() => ends().filter(({ type }) => type !== "next").length, OFTEN)
        .toBe(AT_ONCE);
      for (const { type, payload } of ends())
        if (type === "error") refusals.add(z.array(ERROR).parse(payload));
    });
    socket.socket.destroy();
    refusals.expectAll("RATE_LIMITED", 10, /10 requests in a second/);
  },
);

test.each([
  ["minute", "--submits-per-minute", "RATE_LIMITED"],
  ["day", "--jobs-per-day", "QUOTA_EXCEEDED"],
])(
  "who submits far more than it may in a %s is refused, while others are served",
  TIMEOUT,
  async (window, limit, code) => {
    const headers = await createKey(`greedy-${window}`, limit, "10");
    const refusals = collectRefusals();
    await expectQuiet(async () => {
      for (const { errors } of await atOnce(() => ask(headers, SUBMIT))) refusals.add(errors);
    });
    refusals.expectAll(code, 10, new RegExp(`10 jobs, the most allowed in a ${window}`));
    await expect(countSubmits(headers)).resolves.toBe(10);
  },
);

test(
  "who has more jobs in flight than it may is refused, while others are served",
  TIMEOUT,
  async () => {
    gateway.upstream.script("d", ["in_queue"]);
    const headers = await createKey(
      "greedy-jobs",
      "--jobs-in-flight",
      "5",
      "--submits-per-minute",
      "100000",
    );
    const refusals = collectRefusals();
    await expectQuiet(async () => {
      for (const { errors } of await atOnce(() => ask(headers, SUBMIT))) refusals.add(errors);
    });
    refusals.expectAll("QUOTA_EXCEEDED", 5, /5/);
    await expect(countSubmits(headers)).resolves.toBe(5);
  },
);

test("who opens more sockets than it may is closed, while others are served", TIMEOUT, async () => {
  const headers = await createKey("greedy-sockets", "--sockets", "3");
  const kept = await Promise.all([1, 2, 3].map(() => openSocket(headers)));
  await expectQuiet(async () => {
    const sockets = await atOnce(() => beginSocket(headers));
    expect(new Set(await Promise.all(sockets.map(({ closed }) => closed)))).toEqual(
      new Set([1013]),
    );
    for (const { socket } of sockets) socket.destroy();
  });
  for (const { socket } of kept) socket.destroy();
});

test(
  "who subscribes more often than it may is refused, while others are served",
  TIMEOUT,
  async () => {
    const headers = await createKey("greedy-subscriptions", "--subscriptions", "5");
    const socket = await openSocket(headers);
    const feed = { query: "subscription { jobsUpdated { cursor } }" };
    const refusedCount = () => socket.messages.filter((text) => text.includes('"errors"')).length;
    const refusals = collectRefusals();
    let id = 0;
    await expectQuiet(async () => {
      for (let count = 0; count < AT_ONCE; count++)
        socket.say({ type: "subscribe", id: String(id++), payload: feed });
      await expect.poll(refusedCount, OFTEN).toBe(id - 5);
    });
    for (const text of socket.messages)
      refusals.add(REFUSED.safeParse(JSON.parse(text)).data?.payload.errors ?? []);
    socket.socket.destroy();
    refusals.expectAll("QUOTA_EXCEEDED", 5, /5 subscriptions/);
  },
);

/** While one attacks, another owner is answered each time. */
async function expectQuiet(attack: () => Promise<void>): Promise<void> {
  const attacks = Array.from({ length: ROUNDS }, () => attack);
  await expectOthersServed(gateway, attacks, quiet);
  expect(gateway.process.stderr()).not.toMatch(/"level":[56]0/);
}

/** The header of a new key, which the gateway knows within a second or so. */
async function createKey(owner: string, ...limits: readonly string[]) {
  const words = ["create", "--owner", owner, ...limits];
  const { result } = await runKeyCommand(words, { file, now: new Date() });
  const headers = { authorization: `Bearer ${result}` };
  if (owner !== "quiet")
    await expect
      .poll(async () => (await ask(headers, "{ __typename }")).status, { timeout: 10_000 })
      .toBe(200);
  return headers;
}

async function ask(headers: Readonly<Record<string, string>>, query: string) {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query }),
  });
  const text = await response.text();
  return {
    status: response.status,
    retryAfter: response.headers.get("retry-after"),
    text,
    errors: ANSWER.parse(JSON.parse(text)).errors ?? [],
  };
}

function atOnce<Value>(act: () => Promise<Value>): Promise<Value[]> {
  return Promise.all(Array.from({ length: AT_ONCE }, act));
}

/** How many jobs an owner has. */
async function countSubmits(headers: Readonly<Record<string, string>>): Promise<number> {
  const { text } = await ask(headers, "{ jobs { totalCount } }");
  return Number(/"totalCount":(\d+)/.exec(text)?.[1]);
}

async function beginSocket({
  authorization,
}: {
  readonly authorization: string;
}): Promise<RawWebSocket> {
  const socket = await openRawWebSocket(gateway.port);
  socket.say({ type: "connection_init", payload: { authorization } });
  return socket;
}

async function openSocket(headers: { readonly authorization: string }): Promise<RawWebSocket> {
  const socket = await beginSocket(headers);
  await expect.poll(() => socket.messages).toEqual(['{"type":"connection_ack"}']);
  return socket;
}

/** What was refused, and how. */
function collectRefusals() {
  const refusals: z.infer<typeof ERROR>[] = [];
  return {
    add: (errors: readonly z.infer<typeof ERROR>[]) => void refusals.push(...errors),
    expectAll(code: string, limit: number, words: RegExp): void {
      expect(refusals.length).toBeGreaterThan(AT_ONCE);
      const kinds = new Set(
        refusals.map(({ extensions }) => `${extensions.code} ${extensions.limit}`),
      );
      expect([...kinds]).toEqual([`${code} ${limit}`]);
      for (const { message, extensions } of refusals) {
        expect(message).toMatch(words);
        expect(extensions.retryAfterSeconds).toBeGreaterThanOrEqual(1);
      }
    },
  };
}
