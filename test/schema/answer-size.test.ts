import { expect, test } from "vitest";

import type { Job } from "../../src/engine/job/job.ts";
import { openInProcessGateway } from "./in-process-gateway.ts";

const LARGE_BYTES = 100_000;

type Gateway = Awaited<ReturnType<typeof openInProcessGateway>>;

/** A job whose output is a text of this many bytes. */
async function addFinished(gateway: Gateway, outputBytes: number, at = 0): Promise<Job> {
  const job = await gateway.addJob({ createdAt: new Date(Date.UTC(2026, 0, 1) + at) });
  const output = { text: "x".repeat(outputBytes - '{"text":""}'.length) };
  return await gateway.observe(job, { kind: "succeeded", output, finishedAt: null });
}

test("outputs that are too much for one answer are errors of their fields, and everything else is answered", async () => {
  const gateway = await openInProcessGateway({ mostAnswerBytes: 2.5 * LARGE_BYTES });
  for (let at = 0; at < 4; at++) await addFinished(gateway, LARGE_BYTES, at);
  gateway.statements.length = 0;
  const { data, errors } = await gateway.answer("{ jobs { edges { node { status output } } } }");
  const node = { status: "SUCCEEDED", output: { text: expect.stringMatching(/x+/) } };
  const refused = { status: "SUCCEEDED", output: null };
  const edges = [node, node, refused, refused].map((one) => ({ node: one }));
  expect(data).toEqual({ jobs: { edges } });
  expect(errors).toMatchObject(
    [2, 3].map((place) => ({
      path: ["jobs", "edges", place, "node", "output"],
      extensions: { code: "ANSWER_TOO_LARGE" },
    })),
  );
  // The page, the sizes, and the documents of the first few: what is refused is never read.
  expect(gateway.statements.length).toBeLessThanOrEqual(2 + 4);
});

test("assets have no null to stand for them, so where they are too much the whole answer is missing", async () => {
  const gateway = await openInProcessGateway({ mostAnswerBytes: 1.5 * LARGE_BYTES });
  const output = Array.from({ length: Math.ceil(LARGE_BYTES / 4_000) }, (_, at) =>
    `https://x.runcomfy.net/${at}/`.padEnd(4_000, "x"),
  );
  const { id } = await gateway.observe(await gateway.addJob(), {
    kind: "succeeded",
    output,
    finishedAt: null,
  });
  const reported = await gateway.answer(`{ job(id: "${id}") { assets { url path } } }`);
  const assets = output.map((url, at) => ({ url, path: `[${at}]` }));
  expect(reported).toEqual({ data: { job: { assets } } });
  const limit = 1.5 * LARGE_BYTES;
  for (const [text, data] of [
    [`{ job(id: "${id}") { output assets { url } } }`, { job: null }],
    [`{ job(id: "${id}") { a: assets { url } b: assets { url } } }`, { job: null }],
    ["{ jobs { edges { node { output assets { url } } } } }", null],
  ] as const) {
    const answer = await gateway.answer(text);
    expect(answer.data).toEqual(data);
    expect(answer.errors?.map(({ extensions }) => extensions)).toEqual([
      { code: "ANSWER_TOO_LARGE", limit },
    ]);
    expect(answer.errors?.[0]?.message).toMatch(/MiB.*shorter page/s);
  }
});

test("each asset counts 512 bytes beside what is stored of it", async () => {
  const output = Array.from({ length: 100 }, (_, at) => `https://x.runcomfy.net/${at}`);
  const ask = async (mostAnswerBytes: number) => {
    const gateway = await openInProcessGateway({ mostAnswerBytes });
    const seen = { kind: "succeeded", output, finishedAt: null } as const;
    const { id } = await gateway.observe(await gateway.addJob(), seen);
    return (await gateway.answer(`{ job(id: "${id}") { assets { kind } } }`)).errors ?? [];
  };
  expect(await ask(100 * (512 + 100))).toEqual([]);
  expect(await ask(100 * 512)).toMatchObject([
    { path: ["job", "assets"], extensions: { code: "ANSWER_TOO_LARGE" } },
  ]);
});

test("one output that is selected again and again is counted each time", async () => {
  const gateway = await openInProcessGateway({ mostAnswerBytes: 2.5 * LARGE_BYTES });
  const { id } = await addFinished(gateway, LARGE_BYTES);
  const aliases = Array.from({ length: 8 }, (_, index) => `o${index}: output`).join(" ");
  const { data, errors = [] } = await gateway.answer(`{ job(id: "${id}") { ${aliases} } }`);
  const { job } = JSON.parse(JSON.stringify(data));
  expect(Object.values(job).filter((output) => output !== null)).toHaveLength(2);
  expect(errors).toHaveLength(6);
});

test("each event of a stream has room of its own", async () => {
  const gateway = await openInProcessGateway({ mostAnswerBytes: 1.5 * LARGE_BYTES });
  const stream = await gateway.subscribe("subscription { jobsUpdated { job { output } } }", {});
  if (!(Symbol.asyncIterator in stream)) throw new AggregateError(stream.errors ?? []);
  for (let at = 0; at < 5; at++) {
    await addFinished(gateway, LARGE_BYTES, at);
    const { value } = await stream.next();
    expect(value?.errors).toBeUndefined();
    expect(value?.data).toMatchObject({ jobsUpdated: { job: { output: { text: /x+/ } } } });
  }
  await stream.return();
});

test("what a mutation has answered counts for the mutations behind it", async () => {
  const { promise: finished, resolve } = Promise.withResolvers<Job>();
  const gateway = await openInProcessGateway({
    mostAnswerBytes: 2.5 * LARGE_BYTES,
    tracking: { cancelJob: () => finished },
  });
  const job = await addFinished(gateway, LARGE_BYTES);
  resolve(job);
  const cancels = Array.from(
    { length: 4 },
    (_, index) =>
      `c${index}: cancelJob(id: "${job.id}") { ... on CancelJobSuccess { job { output } } }`,
  ).join(" ");
  const { errors = [] } = await gateway.answer(`mutation { ${cancels} }`);
  expect(errors.map(({ path }) => path?.[0])).toEqual(["c2", "c3"]);
});
