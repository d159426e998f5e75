import { afterAll, expect, test } from "vitest";

import { greet, nextMessage, subscribe } from "../server/open-socket.ts";
import { openGateway } from "./open-gateway.ts";

const OUTPUT = { images: ["https://a.runcomfy.net/1.png"] };
const SUCCEEDED = { submitJob: { job: { status: "SUCCEEDED", output: OUTPUT } } };

/** Its jobs wait in RunComfy's queue until a test finishes them. */
const gateway = await openGateway({ REQUEST_TIMEOUT_SECONDS: "0.5", IDLE_TIMEOUT_SECONDS: "0.5" });
const { upstream, answer } = gateway;
afterAll(gateway.end);

/** Submits a deployment's only job. */
function toMutation(deployment: string, seconds: number): string {
  upstream.script(deployment, ["in_queue"]);
  return `mutation { submitJob(deploymentId: "${deployment}", input: {}, answerWithinSeconds: ${seconds}) { ... on SubmitJobSuccess { job { id status output } } ... on Error { message } } }`;
}

/** Ends that job after so many polls, of which two are at least half a second apart. */
async function finishAfter(deployment: string, polls: number): Promise<void> {
  await upstream.whenRequested("status", polls, deployment);
  const poll = upstream.requests.find(
    ({ call, deploymentIds }) => call === "status" && deploymentIds.includes(deployment),
  );
  upstream.finish(poll?.requestId ?? "", { output: OUTPUT });
}

test("one call submits a job and answers with its output, by POST and on a socket, whatever a request may take to arrive", async () => {
  const socket = await greet(`${gateway.url}/graphql`);
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

test("a gateway that stops answers those who wait with the job as it is", async () => {
  const waiting = answer(toMutation("stop", 20));
  await upstream.whenRequested("status", 1, "stop");
  // Otherwise the answer would be cut with its connection.
  await gateway.close();
  expect(await waiting).toMatchObject({ data: { submitJob: { job: { status: "IN_QUEUE" } } } });
});
