import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { startGateway } from "../../src/gateway.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { SubmitJobDocument } from "../support/gql/operations.ts";
import { request } from "../support/graphql-client.ts";

test("SUBMITS_AT_ONCE bounds the POSTs, and a client whose turn does not come in time is told when to come back", async () => {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const config = loadConfig({
    PORT: "0",
    DATABASE_URL: ":memory:",
    RUNCOMFY_API_TOKEN: upstream.token,
    RUNCOMFY_BASE_URL: upstream.url,
    SUBMIT_TIMEOUT_SECONDS: "2",
    SUBMITS_AT_ONCE: "1",
  });
  const gateway = await startGateway(config, { log: pino({ level: "silent" }) });
  onTestFinished(() => gateway.close());
  const submit = async (): Promise<unknown> => {
    const variables = { deploymentId: "dep", input: {}, idempotencyKey: null };
    return (await request(gateway.url, SubmitJobDocument, variables)).submitJob;
  };

  upstream.hold("submit");
  const first = submit();
  await upstream.whenRequested("submit", 1);
  // The turn of one of them comes when the time-out of the first has passed, and it keeps the other one waiting.
  const others = [submit(), submit()];
  expect(await Promise.race(others)).toMatchObject({
    __typename: "UpstreamError",
    code: "RATE_LIMITED",
    retryable: true,
    retryAfterSeconds: expect.any(Number),
    message: expect.stringMatching(/Submit it again in [12] seconds?\.$/),
  });
  const unknown = expect.objectContaining({ code: "SUBMISSION_UNKNOWN" });
  expect(await Promise.all([first, ...others])).toEqual(
    expect.arrayContaining([unknown, unknown, expect.objectContaining({ code: "RATE_LIMITED" })]),
  );
  expect(upstream.count("submit")).toBe(2);
});
