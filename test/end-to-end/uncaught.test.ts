import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { runGateway } from "../support/gateway-process.ts";
import { SubmitJobDocument } from "../support/gql/operations.ts";
import { isServing, request } from "../support/graphql-client.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const FAILED = { code: 1, signal: null };
const SECRET = "canary-secret";
const SUBMISSION = { deploymentId: "warm-glow", input: {}, idempotencyKey: null };

/** A gateway in which that happens at each SIGUSR2, and the upstream that it speaks to. */
async function runWithMistake(statement: string, environment = {}) {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const program = join(await createTemporaryFolder(), "mistake.mjs");
  await writeFile(program, `process.on("SIGUSR2", () => { ${statement} });`);
  const gateway = runGateway(
    {
      DATABASE_URL: ":memory:",
      RUNCOMFY_BASE_URL: upstream.url,
      RUNCOMFY_API_TOKEN: upstream.token,
      ...environment,
    },
    { command: [process.execPath, "--import", program, "src/main.ts"] },
  );
  return { upstream, gateway, origin: await gateway.url };
}

test("what nobody catches is one line of the log without what it carries, and the gateway stops in order, with 1", async () => {
  const { upstream, gateway, origin } = await runWithMistake(
    `Promise.reject(Object.assign(new Error("It broke."), { body: "${SECRET}" }));`,
  );
  const answered = upstream.hold("submit");
  const submitting = request(origin, SubmitJobDocument, SUBMISSION);
  await upstream.whenRequested("submit", 1);
  const exit = gateway.kill("SIGUSR2");
  await expect.poll(() => isServing(origin)).toBe(false);
  answered();
  expect((await submitting).submitJob.__typename).toBe("SubmitJobSuccess");
  expect(await exit).toEqual(FAILED);
  const fatal = gateway.stderr().match(/^\{"level":60,.*$/gm);
  expect(fatal).toEqual([expect.stringMatching(/"type":"Error","message":"It broke\."/)]);
  expect(fatal?.[0]).toMatch(/"msg":"[^"]+Start the gateway again/);
  expect(gateway.stderr() + gateway.stdout()).not.toContain(SECRET);
  for (const line of gateway.stderr().trimEnd().split("\n")) expect(line).toMatch(/^\{.*\}$/);
});

test("a second error that nobody catches ends a gateway that is stopping at once", async () => {
  const { upstream, gateway, origin } = await runWithMistake(`throw new Error("It broke.");`);
  upstream.hold("submit");
  const submitting = request(origin, SubmitJobDocument, SUBMISSION).then(
    () => "answered",
    () => "cut off",
  );
  await upstream.whenRequested("submit", 1);
  const exit = gateway.kill("SIGUSR2");
  await expect.poll(gateway.stderr).toContain("It broke.");
  void gateway.kill("SIGUSR2");
  expect(await exit).toEqual(FAILED);
  // A stop that waits would have answered that its fate is unknown.
  expect(await submitting).toBe("cut off");
  expect(gateway.stderr().match(/"level":60/g)).toHaveLength(2);
});

test("an error that nobody catches while a gateway stops makes its code 1, and cuts nothing off", async () => {
  const { upstream, gateway, origin } = await runWithMistake(`throw new Error("It broke.");`);
  const answered = upstream.hold("submit");
  const submitting = request(origin, SubmitJobDocument, SUBMISSION);
  await upstream.whenRequested("submit", 1);
  const exit = gateway.kill("SIGTERM");
  await expect.poll(() => isServing(origin)).toBe(false);
  void gateway.kill("SIGUSR2");
  await expect.poll(gateway.stderr).toContain("It broke.");
  answered();
  expect((await submitting).submitJob.__typename).toBe("SubmitJobSuccess");
  expect(await exit).toEqual(FAILED);
});

test("an error that nobody catches ends a drain", async () => {
  const { gateway, origin } = await runWithMistake(`throw new Error("It broke.");`, {
    DRAIN_SECONDS: "300",
  });
  const exit = gateway.kill("SIGTERM");
  await expect.poll(async () => (await fetch(`${origin}/ready`)).status).toBe(503);
  await gateway.kill("SIGUSR2");
  expect(await exit).toEqual(FAILED);
});
