import { expect, test } from "vitest";

import { SubmitJobDocument } from "../support/gql/operations.ts";
import { request } from "../support/graphql-client.ts";
import { start } from "./open-gateway.ts";

test("SUBMITS_AT_ONCE bounds the POSTs, and a client whose turn does not come in time is told when to come back", async () => {
  const { url, upstream } = await start({ SUBMIT_TIMEOUT_SECONDS: "2", SUBMITS_AT_ONCE: "1" });
  const variables = { deploymentId: "dep", input: {}, idempotencyKey: null };
  const submit = async (): Promise<unknown> =>
    (await request(url, SubmitJobDocument, variables)).submitJob;

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
    message: expect.stringMatching(/Submit it again in 5 seconds\.$/),
  });
  const unknown = expect.objectContaining({ code: "SUBMISSION_UNKNOWN" });
  expect(await Promise.all([first, ...others])).toEqual(
    expect.arrayContaining([unknown, unknown, expect.objectContaining({ code: "RATE_LIMITED" })]),
  );
  expect(upstream.count("submit")).toBe(2);
});
