import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { startGateway } from "../../src/gateway.ts";
import { INIT, nextMessage, open, subscribe } from "../server/open-socket.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { JobDocument } from "../support/gql/operations.ts";
import { request } from "../support/graphql-client.ts";

const OUTPUT = { images: ["https://a.runcomfy.net/1.png"] };

/** A gateway whose jobs wait in RunComfy's queue until the test finishes them. */
async function start() {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  upstream.script("waiting", ["in_queue"]);
  const config = loadConfig({
    PORT: "0",
    DATABASE_URL: ":memory:",
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
    REQUEST_TIMEOUT_SECONDS: "0.5",
    IDLE_TIMEOUT_SECONDS: "0.5",
  });
  const gateway = await startGateway(config, { log: pino({ level: "silent" }) });
  let closing: Promise<void> | null = null;
  const close = () => (closing ??= gateway.close());
  onTestFinished(close);
  const url = `${gateway.url}/graphql`;

  async function post(query: string, signal: AbortSignal | null = null): Promise<unknown> {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ query });
    return await (await fetch(url, { method: "POST", headers, body, signal })).json();
  }

  /** Ends the only job after so many polls, of which two are at least half a second apart. */
  async function finishAfter(polls: number): Promise<void> {
    await upstream.whenRequested("status", polls);
    upstream.finish(findRequestId(), { output: OUTPUT });
  }

  function findRequestId(): string {
    return upstream.requests.find(({ call }) => call === "status")?.requestId ?? "";
  }

  return { upstream, gateway: { ...gateway, close }, url, post, finishAfter };
}

const toMutation = (seconds: number) =>
  `mutation { submitJob(deploymentId: "waiting", input: {}, idempotencyKey: "key", answerWithinSeconds: ${seconds}) { ... on SubmitJobSuccess { job { id status output } } ... on Error { message } } }`;

const findJobId = (answer: unknown) => /job_\w+/.exec(JSON.stringify(answer))?.[0] ?? "";

const succeeded = { submitJob: { job: { status: "SUCCEEDED", output: OUTPUT } } };

test("one call submits a job and answers with its output, whatever a request may take to arrive", async () => {
  const { post, finishAfter } = await start();
  const [answer] = await Promise.all([post(toMutation(20)), finishAfter(5)]);
  expect(answer).toMatchObject({ data: succeeded });
});

test("an operation on a socket waits as well", async () => {
  const { url, finishAfter } = await start();
  const socket = await open(url, INIT);
  await nextMessage(socket);
  socket.send(subscribe("1", toMutation(20)));
  const [message] = await Promise.all([nextMessage(socket), finishAfter(5)]);
  expect(JSON.parse(message)).toMatchObject({ type: "next", payload: { data: succeeded } });
});

test("a retry under a known key waits for the same job, however long the first call waited", async () => {
  const { upstream, post, finishAfter } = await start();
  const first = await post(toMutation(0));
  expect(first).toMatchObject({ data: { submitJob: { job: { status: "IN_QUEUE" } } } });
  const id = findJobId(first);
  const retries = Promise.all([post(toMutation(20)), post(toMutation(19))]);
  await finishAfter(2);
  for (const answer of await retries) {
    expect(answer).toMatchObject({ data: succeeded });
    expect(findJobId(answer)).toBe(id);
  }
  expect(upstream.count("submit")).toBe(1);
});

test("a gateway that stops answers those who wait with the job as it is", async () => {
  const { upstream, gateway, post } = await start();
  const answer = post(toMutation(20));
  await upstream.whenRequested("status", 1);
  // Otherwise the answer would be cut with its connection.
  await gateway.close();
  expect(await answer).toMatchObject({ data: { submitJob: { job: { status: "IN_QUEUE" } } } });
});

test("the job of a caller who hangs up goes on to its end", async () => {
  const { upstream, gateway, post, finishAfter } = await start();
  const leaving = new AbortController();
  const answer = post(toMutation(20), leaving.signal);
  await upstream.whenRequested("status", 1);
  leaving.abort();
  await expect(answer).rejects.toThrow("aborted");
  const id = findJobId(await post(toMutation(0)));
  await finishAfter(2);
  const readStatus = async () => (await request(gateway.url, JobDocument, { id })).job?.status;
  await expect.poll(readStatus).toBe("SUCCEEDED");
});
