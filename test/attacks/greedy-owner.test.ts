import { afterAll, expect, test } from "vitest";
import { z } from "zod";

import type { Bearer } from "./attacked-gateway.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";
import { openRawWebSocket } from "./raw-web-socket.ts";

/** So many at once, and again and again: each limit is far below. */
const AT_ONCE = 8;
const ROUNDS = 4;
const TIMEOUT = { timeout: 60_000 };
const QUESTION = "{ jobs(first: 100) { totalCount edges { node { id input history { at } } } } }";
const SUBMIT = `mutation { submitJob(deploymentId: "d", input: { prompt: "x" }) { ... on SubmitJobSuccess { job { id } } } }`;
const FEED = { query: "subscription { jobsUpdated { cursor } }" };
const ERROR = z.object({
  message: z.string(),
  extensions: z.object({
    code: z.string(),
    retryAfterSeconds: z.number().min(1),
    limit: z.number(),
  }),
});
const ANSWER = z.object({ errors: z.array(ERROR).default([]) });
/** A subscription that was not begun is answered, like any other operation. */
const REFUSED = z.object({ payload: ANSWER });

const gateway = await startAttackedGateway({ AUTH: "api-keys" });
afterAll(() => gateway.end());
gateway.upstream.script("d", ["in_queue"]);
const quiet = await gateway.createKey("quiet");

test.each([
  [
    "requests",
    ["--requests-per-second", "5"],
    QUESTION,
    "RATE_LIMITED 5",
    /5 requests in a second/,
  ],
  [
    "submits of a minute",
    ["--submits-per-minute", "5"],
    SUBMIT,
    "RATE_LIMITED 5",
    /5 jobs, .*minute/,
  ],
  ["jobs of a day", ["--jobs-per-day", "5"], SUBMIT, "QUOTA_EXCEEDED 5", /5 jobs, .*day/],
  [
    "jobs in flight",
    ["--jobs-in-flight", "5", "--submits-per-minute", "100000"],
    SUBMIT,
    "QUOTA_EXCEEDED 5",
    /5/,
  ],
])(
  "who takes far more %s than it may is refused, while others are served",
  TIMEOUT,
  async (what, limits, query, code, words) => {
    const key = await gateway.createKey(what.replaceAll(" ", "-"), ...limits);
    const errors = await besideQuiet(async () =>
      (await atOnce(() => gateway.ask(query, key))).flatMap(
        (answer) => ANSWER.parse(JSON.parse(answer)).errors,
      ),
    );
    expectRefusals(errors, code, words);
    if (query !== SUBMIT) return;
    const { data } = JSON.parse(await gateway.ask("{ jobs { totalCount } }", key));
    expect(data.jobs.totalCount).toBe(5);
  },
);

test(
  "who opens more sockets or subscriptions than it may is refused, while others are served",
  TIMEOUT,
  async () => {
    const key = await gateway.createKey("sockets", "--sockets", "2", "--subscriptions", "5");
    const [kept, second] = [await open(key), await open(key)];
    for (const { messages } of [kept, second])
      await expect.poll(() => messages).toEqual(['{"type":"connection_ack"}']);
    let id = 0;
    const codes = await besideQuiet(async () => {
      const sockets = await atOnce(() => open(key));
      const closed = await Promise.all(sockets.map((one) => one.closed));
      for (const { socket } of sockets) socket.destroy();
      for (let count = 0; count < AT_ONCE; count++)
        kept.say({ type: "subscribe", id: String(id++), payload: FEED });
      return closed;
    });
    expect(new Set(codes)).toEqual(new Set([1013]));
    const refused = () =>
      kept.messages.flatMap(
        (text) => REFUSED.safeParse(JSON.parse(text)).data?.payload.errors ?? [],
      );
    await expect.poll(refused).toHaveLength(id - 5);
    expectRefusals(refused(), "QUOTA_EXCEEDED 5", /5 subscriptions/);
    for (const { socket } of [kept, second]) socket.destroy();
  },
);

/** While one attacks again and again, another owner is answered each time; gives what the attacks gave. */
async function besideQuiet<Value>(attack: () => Promise<readonly Value[]>): Promise<Value[]> {
  const values: Value[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [attacked, answer] = await Promise.all([attack(), gateway.ask("{ __typename }", quiet)]);
    expect(JSON.parse(answer)).toEqual({ data: { __typename: "Query" } });
    values.push(...attacked);
  }
  await gateway.expectUnharmed();
  return values;
}

function expectRefusals(errors: readonly z.infer<typeof ERROR>[], code: string, words: RegExp) {
  expect(errors.length).toBeGreaterThan(AT_ONCE);
  const kinds = errors.map(({ extensions }) => `${extensions.code} ${extensions.limit}`);
  expect([...new Set(kinds)]).toEqual([code]);
  for (const { message } of errors) expect(message).toMatch(words);
}

function atOnce<Value>(act: () => Promise<Value>): Promise<Value[]> {
  return Promise.all(Array.from({ length: AT_ONCE }, act));
}

async function open({ authorization }: Bearer) {
  const socket = await openRawWebSocket(gateway.port);
  socket.say({ type: "connection_init", payload: { authorization } });
  return socket;
}
