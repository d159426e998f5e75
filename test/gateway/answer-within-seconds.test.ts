import { afterAll, expect, test } from "vitest";

import { INIT, nextMessage, open, subscribe } from "../server/open-socket.ts";
import { openGateway } from "./open-gateway.ts";

const OUTPUT = { images: ["https://a.runcomfy.net/1.png"] };
const SUCCEEDED = { submitJob: { job: { status: "SUCCEEDED", output: OUTPUT } } };
const IN_QUEUE = { submitJob: { job: { status: "IN_QUEUE" } } };

/** Its jobs wait in RunComfy's queue until a test finishes them. */
const gateway = await openGateway({ REQUEST_TIMEOUT_SECONDS: "0.5", IDLE_TIMEOUT_SECONDS: "0.5" });
const { upstream, answer } = gateway;
afterAll(gateway.end);

/** Submits a deployment's only job, whose key it is as well. */
function toMutation(deployment: string, seconds: number): string {
  upstream.script(deployment, ["in_queue"]);
  return `mutation { submitJob(deploymentId: "${deployment}", input: {}, idempotencyKey: "${deployment}", answerWithinSeconds: ${seconds}) { ... on SubmitJobSuccess { job { id status output } } ... on Error { message } } }`;
}

/** Ends that job after so many polls, of which two are at least half a second apart. */
async function finishAfter(deployment: string, polls: number): Promise<void> {
  await upstream.whenRequested("status", polls, deployment);
  const { requestId } = upstream.requests.find(isPoll) ?? {};
  upstream.finish(requestId ?? "", { output: OUTPUT });

  function isPoll(request: (typeof upstream.requests)[number]): boolean {
    return request.call === "status" && request.deploymentIds.includes(deployment);
  }
}

const findJobId = (given: unknown) => /job_\w+/.exec(JSON.stringify(given))?.[0] ?? "";

test("one call submits a job and answers with its output, by POST and on a socket, whatever a request may take to arrive", async () => {
  const socket = await open(`${gateway.url}/graphql`, INIT);
  await nextMessage(socket);
  socket.send(subscribe("1", toMutation("socket", 20)));
  const [answered, message] = await Promise.all([
    answer(toMutation("post", 20)),
    nextMessage(socket),
    finishAfter("post", 5),
    finishAfter("socket", 5),
  ]);
  expect(answered).toMatchObject({ data: SUCCEEDED });
  expect(JSON.parse(message)).toMatchObject({ type: "next", payload: { data: SUCCEEDED } });
});

test("a retry under a known key waits for the same job, however long the first call waited", async () => {
  const first = await answer(toMutation("retry", 0));
  expect(first).toMatchObject({ data: IN_QUEUE });
  const retries = Promise.all([answer(toMutation("retry", 20)), answer(toMutation("retry", 19))]);
  await finishAfter("retry", 2);
  for (const retry of await retries) {
    expect(retry).toMatchObject({ data: SUCCEEDED });
    expect(findJobId(retry)).toBe(findJobId(first));
  }
  expect(upstream.count("submit", "retry")).toBe(1);
});

test("a gateway that stops answers those who wait with the job as it is", async () => {
  const waiting = answer(toMutation("stop", 20));
  await upstream.whenRequested("status", 1, "stop");
  // Otherwise the answer would be cut with its connection.
  await gateway.close();
  expect(await waiting).toMatchObject({ data: IN_QUEUE });
});
