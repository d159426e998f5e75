import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { runGateway } from "../support/gateway-process.ts";
import { SubmitJobDocument } from "../support/gql/operations.ts";
import { isServing, request } from "../support/graphql-client.ts";
import type { NamedPipe } from "../support/named-pipe.ts";
import { openNamedPipe } from "../support/named-pipe.ts";
import type { GatewayProcess } from "../support/spawn-gateway.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const STOPPED = { code: 0, signal: null };
const FAILED = { code: 1, signal: null };
const READERS: { readonly who: string; readonly treat: (pipe: NamedPipe) => void }[] = [
  { who: "is gone", treat: (pipe) => pipe.leave() },
  { who: "does not read", treat: (pipe) => pipe.fill() },
];

/** A gateway in memory whose standard error is that pipe. */
function runWithLog(
  pipe: NamedPipe,
  environment: Readonly<Record<string, string>> = {},
): GatewayProcess {
  const command = ["sh", "-c", 'exec "$0" src/main.ts 2>"$1"', process.execPath, pipe.path];
  return runGateway({ DATABASE_URL: ":memory:", ...environment }, { command });
}

/** With five submits under way; each makes a line of the log once it is `answered`, because its fate is unknown then. */
async function runWithSubmits(pipe: NamedPipe) {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const gateway = runWithLog(pipe, {
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
  });
  const origin = await gateway.url;
  const answered = upstream.hold("submit");
  async function submitTo(deploymentId: string, times: number): Promise<() => Promise<unknown>> {
    const submission = { deploymentId, input: {}, idempotencyKey: null };
    const submits = Array.from({ length: times }, () =>
      request(origin, SubmitJobDocument, submission),
    );
    const ended = Promise.allSettled(submits);
    await upstream.whenRequested("submit", times, deploymentId);
    return () => ended;
  }
  const whenEnded = await submitTo("fault-html-502--submit", 5);
  return { gateway, origin, answered, whenEnded, submitTo };
}

test.each(READERS)(
  "a gateway whose log's reader $who serves on, and ends at SIGTERM with 0",
  async ({ treat }) => {
    const pipe = await openNamedPipe();
    const { gateway, origin, answered, whenEnded } = await runWithSubmits(pipe);
    treat(pipe);
    expect((await fetch(`${origin}/ready`)).status).toBe(200);
    const exit = gateway.kill("SIGTERM");
    await expect.poll(() => isServing(origin)).toBe(false);
    answered();
    expect(await exit).toEqual(STOPPED);
    await whenEnded();
  },
);

test("a second signal ends a gateway at once whose log's reader does not read", async () => {
  const pipe = await openNamedPipe();
  const { gateway, answered, whenEnded, submitTo } = await runWithSubmits(pipe);
  const whenCut = await submitTo("fault-no-answer--submit", 1);
  pipe.fill();
  answered();
  await whenEnded();
  const exit = gateway.kill("SIGTERM");
  const repeating = setInterval(() => void gateway.kill("SIGTERM"), 100);
  onTestFinished(() => clearInterval(repeating));
  // A stop that waits for the last submit ends with 0.
  expect(await exit).toEqual(FAILED);
  await whenCut();
});

test("a reader that is late gets every line of a gateway that has stopped meanwhile", async () => {
  const pipe = await openNamedPipe();
  const { gateway, answered, whenEnded } = await runWithSubmits(pipe);
  pipe.fill();
  const exit = gateway.kill("SIGTERM");
  answered();
  await whenEnded();
  const text = pipe.read();
  expect(await exit).toEqual(STOPPED);
  const countLines = () => text().match(/It is not known whether/g)?.length;
  await expect.poll(countLines).toBe(5);
});

test("a reader of a pipe gets the whole reason why a gateway did not start", async () => {
  const file = join(await createTemporaryFolder(), "deployments.json");
  const deployments = Array.from({ length: 990 }, (_, place) => ({
    id: `deployment-${place}`,
    name: `Deployment ${place}`,
    model: "unknown",
  }));
  await writeFile(file, JSON.stringify({ deployments }));
  const pipe = await openNamedPipe();
  const gateway = runWithLog(pipe, { DEPLOYMENTS_FILE: file });
  const text = pipe.read();
  expect(await gateway.exit).toEqual(FAILED);
  await expect.poll(() => text().endsWith("\n")).toBe(true);
  expect(text().match(/^ {2}deployments/gm)).toHaveLength(deployments.length);
});
