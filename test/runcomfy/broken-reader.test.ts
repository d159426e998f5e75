import { pino } from "pino";
import { expect, test, vi } from "vitest";

import { createRunComfy } from "../../src/runcomfy/create-runcomfy.ts";
import { createPace } from "../../src/runcomfy/pace.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";

// No answer is known that does this: it stands for a mistake that nobody has found yet.
vi.mock(import("../../src/runcomfy/wire.ts"), async (original) => ({
  ...(await original()),
  readStatusReport() {
    throw new RangeError("Maximum call stack size exceeded");
  },
}));

const log = pino({ level: "silent" });

test("An answer over which the reader breaks is an unreadable one, not a failure of the upstream", async () => {
  await using upstream = await startFaultyUpstream();
  const pace = createPace({ now: () => 0, random: () => 1, log });
  const { url: baseUrl, token } = upstream;
  const runComfy = createRunComfy({ baseUrl, token, submitTimeoutMs: 10_000, pace, log });
  const deployment = { apiVersion: "v1", deploymentId: "dep" };
  const request = { ...deployment, requestId: await runComfy.submit({ ...deployment, input: {} }) };
  for (let looks = 0; looks < 6; looks += 1) {
    const look = runComfy.readStatus(request, new AbortController().signal);
    await expect(look).rejects.toMatchObject({
      name: "RunComfyError",
      code: "INVALID_RESPONSE",
      message: expect.stringContaining("RangeError"),
    });
  }
  expect(pace.isOutage()).toBe(false);
});
