import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";

import { createHealth } from "../support/create-health.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";

const limits = { signal: new AbortController().signal, timeoutMs: 10_000 };
const log = pino({ level: "silent" });

test("An answer over which the reader breaks is an unreadable one, not a failure of the upstream", async () => {
  const { createRunComfy } = await importWithBrokenReader();
  await using upstream = await startFaultyUpstream();
  const health = createHealth();
  const { url: baseUrl, token } = upstream;
  const runComfy = createRunComfy({ baseUrl, token, submitTimeoutMs: 10_000, health, log });
  const deployment = { apiVersion: "v1", deploymentId: "dep" };
  const request = { ...deployment, requestId: await runComfy.submit({ ...deployment, input: {} }) };
  for (let polls = 0; polls < 6; polls += 1) {
    const poll = runComfy.readStatus(request, limits);
    await expect(poll).rejects.toMatchObject({
      name: "RunComfyError",
      code: "INVALID_RESPONSE",
      message: expect.stringContaining("RangeError"),
    });
  }
  expect(health.isOutage("dep")).toBe(false);
});

/** No answer is known that breaks the reader: this stands for a mistake that nobody has found yet. */
async function importWithBrokenReader() {
  vi.doMock(import("../../src/runcomfy/wire.ts"), async (original) => ({
    ...(await original()),
    readStatusReport() {
      throw new RangeError("Maximum call stack size exceeded");
    },
  }));
  // Other files may have loaded it already, or will.
  vi.resetModules();
  onTestFinished(() => {
    vi.doUnmock("../../src/runcomfy/wire.ts");
    vi.resetModules();
  });
  return await import("../../src/runcomfy/create-runcomfy.ts");
}
