import type { ServerResponse } from "node:http";
import { createServer } from "node:http";

import { expect, test } from "vitest";

import { postAgainAndAgain } from "../../bench/closed-loop.ts";
import { listen } from "../support/listen.ts";

const EXPECTED = '{"data":{"job":{"id":"ä"}}}';
const BYTES = Buffer.from(EXPECTED);

/** One answer on each of the 32 connections, as the time is up by then; so many of them are not as they should be. */
async function post(wrong: number, answerWrongly: (response: ServerResponse) => void) {
  let count = 0;
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    request.setEncoding("utf8").on("data", (body: string) => bodies.push(body));
    request.on("end", () => {
      count += 1;
      if (count <= wrong) return answerWrongly(response);
      response.writeHead(200, { "content-length": BYTES.length }).end(EXPECTED);
    });
  });
  const { origin } = await listen(server);
  const request = { body: '{"query":"…"}', expected: EXPECTED, durationMs: 0 };
  const { tookMs, bad } = await postAgainAndAgain(`${origin}/graphql`, request);
  expect(bodies).toEqual(Array.from({ length: 32 }, () => request.body));
  return { answers: tookMs.length, bad };
}

test("a closed loop counts no whole answer as bad", async () => {
  expect(await post(0, () => undefined)).toEqual({ answers: 32, bad: 0 });
});

test("an answer in pieces is whole", async () => {
  const answers = await post(5, (response) => {
    response.writeHead(200, { "content-length": BYTES.length });
    response.write(BYTES.subarray(0, 20), () => response.end(BYTES.subarray(20)));
  });
  expect(answers).toEqual({ answers: 32, bad: 0 });
});

test.each<[string, number, (response: ServerResponse) => void]>([
  ["another text", 32, (response) => response.setHeader("content-length", 2).end("{}")],
  [
    "an error",
    32,
    (response) => response.writeHead(503, { "content-length": BYTES.length }).end(EXPECTED),
  ],
  ["a text of unknown length", 32, (response) => void response.write(EXPECTED)],
  ["a cut connection", 27, (response) => response.destroy()],
])("%s is bad", async (_what, answers, answerWrongly) => {
  expect(await post(5, answerWrongly)).toEqual({ answers, bad: 5 });
});
