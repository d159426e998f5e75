import { expect, test, vi } from "vitest";

import type { JsonValue } from "../../src/engine/job/json.ts";
import { openInProcessGateway, type Stubs } from "./in-process-gateway.ts";

async function openSubmitter() {
  const submitJob = vi.fn<Stubs["submitJob"]>(async ({ input }) => ({
    job: await gateway.addJob({ input }),
    warnings: [],
  }));
  const gateway = await openInProcessGateway({ tracking: { submitJob } });
  return {
    gateway,
    async submit(
      this: void,
      input: string,
      variables: Record<string, unknown> = {},
      definitions = "",
    ) {
      const { data, errors } = await gateway.answer(
        `mutation ${definitions} { submitJob(deploymentId: "a", input: ${input}) { ... on SubmitJobSuccess { job { input } } } }`,
        variables,
      );
      return {
        answer: JSON.stringify(data),
        errors,
        sent: JSON.stringify(submitJob.mock.lastCall?.[0].input),
      };
    },
  };
}

const HOSTILE = `{"__proto__":{"isAdmin":true},"then":"x","constructor":null,"toString":[1.5,-2e-7],"deep":{"__proto__":1},"":"\u2028"}`;

test("hostile keys in a variable or a literal are data on the way in and on the way out", async () => {
  const { submit } = await openSubmitter();
  const input: JsonValue = JSON.parse(HOSTILE);
  const { answer, sent } = await submit("$input", { input }, "($input: JSON!)");
  expect(sent).toBe(HOSTILE);
  expect(answer).toBe(`{"submitJob":{"job":{"input":${HOSTILE}}}}`);
  const literal = await submit(
    '{__proto__: {isAdmin: true}, then: "x", constructor: null, list: [1, 2.5, false]}',
  );
  const expected =
    '{"__proto__":{"isAdmin":true},"then":"x","constructor":null,"list":[1,2.5,false]}';
  expect(literal.sent).toBe(expected);
  expect(literal.answer).toBe(`{"submitJob":{"job":{"input":${expected}}}}`);
});

test("a literal may hold variables, and a key whose variable is not given is left out", async () => {
  const { submit } = await openSubmitter();
  const { sent } = await submit(
    "{prompt: $prompt, seed: $seed, list: [$seed, $more], more: $more, none: $none}",
    { prompt: "p", more: { __proto__: null, a: 1 }, none: null },
    "($prompt: String!, $seed: Int, $more: JSON, $none: JSON)",
  );
  expect(sent).toBe('{"prompt":"p","list":[null,{"a":1}],"more":{"a":1},"none":null}');
});

test("a word without quotes is no JSON, nor is a variable that JSON can't hold", async () => {
  const { gateway, submit } = await openSubmitter();
  const { errors } = await submit("{sampler: flowmatch}");
  expect(errors?.[0]?.message).toMatch(/flowmatch.*quotes/);
  const date = await submit("$input", { input: new Date(0) }, "($input: JSON!)");
  expect(date.errors?.[0]?.message).toContain("not a JSON value");
  expect(await gateway.store.jobs.count({})).toBe(0);
});

test("what is no RFC 3339 date with an offset is refused, a literal with its place", async () => {
  const gateway = await openInProcessGateway();
  for (const createdAfter of [
    "2025-07-22T13:05:16.143086",
    "2025-07-22",
    "2025-02-30T00:00:00Z",
    "2025-07-22T25:00:00Z",
    "July 22, 2025 13:05:16 GMT",
    "",
    1_753_189_516,
  ]) {
    const { errors } = await gateway.answer(
      "query ($filter: JobFilter) { jobs(filter: $filter) { totalCount } }",
      { filter: { createdAfter } },
    );
    expect(errors?.[0]?.message, String(createdAfter)).toContain("RFC 3339");
  }
  const literal = '{ jobs(filter: { createdAfter: "yesterday" }) { totalCount } }';
  expect((await gateway.answer(literal)).errors?.[0]).toMatchObject({
    message: expect.stringContaining("RFC 3339"),
    locations: [{ line: 1, column: 32 }],
    extensions: { code: "BAD_USER_INPUT" },
  });
});

test("a DateTime may have any offset and fraction", async () => {
  const gateway = await openInProcessGateway();
  await gateway.addJob({ createdAt: new Date("2025-07-22T13:00:00Z") });
  const text =
    "query ($createdAfter: DateTime!) { jobs(filter: {createdAfter: $createdAfter}) { totalCount } }";
  for (const createdAfter of [
    "2025-07-22T12:59:59.999Z",
    "2025-07-22T14:59:59+02:00",
    "2025-07-22T12:59:59.999999Z",
  ])
    expect((await gateway.answer(text, { createdAfter })).data).toEqual({
      jobs: { totalCount: 1 },
    });
});
