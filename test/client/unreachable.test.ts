import { JOBS, JOBS_UPDATED } from "runcomfy-graphql-client";
import { expect, onTestFinished, test, vi } from "vitest";

import { LANTERN, openClientOfProcess, shareGateway } from "./open-client.ts";

const SOON = { timeout: 20_000, interval: 50 };
const VARIABLES = { deploymentId: LANTERN, input: { prompt: "A lantern" }, key: "key-1" };
const LOST = "No answer came. Check your connection, then try again.";
const BLOCKED =
  /^http:\/\/127\.0\.0\.1:\d+ is not reachable, or this page's origin, http:\/\/localhost:5173, is not in its CORS_ORIGINS/;

const openShared = shareGateway();

/** As in a page of another origin than the gateway's. */
async function openClientInPage(open = openShared) {
  vi.stubGlobal("location", new URL("http://localhost:5173/page"));
  onTestFinished(() => void vi.unstubAllGlobals());
  return await open();
}

test("a submit from a page that never reached the gateway says why right after the first try, and goes on under its key", async () => {
  const { client, proxy } = await openClientInPage();
  proxy.drop();
  const reported: (readonly [number, string | undefined])[] = [];
  const jobs = client.submitAndWatch({
    ...VARIABLES,
    onAttempt: (attempt, lost) => reported.push([attempt, lost?.message]),
  });
  const first = jobs.next();
  await expect.poll(() => reported, SOON).toHaveLength(2);
  expect(reported).toEqual([
    [1, undefined],
    [2, expect.stringMatching(BLOCKED)],
  ]);
  expect(proxy.refused()).toBe(1);
  proxy.heal();
  expect((await first).done).toBe(false);
  await jobs.return();
  expect((await client.request(JOBS, { first: 1 })).jobs.totalCount).toBe(1);
  // Once anything was answered, an answer that is lost is no matter of origins.
  proxy.drop();
  await expect(client.request(JOBS, { first: 1 })).rejects.toMatchObject({
    code: "NO_ANSWER",
    retryable: true,
    message: LOST,
  });
});

test("a connection that never opened says the same, and one that broke that it is down", async () => {
  const { client, proxy } = await openClientInPage();
  proxy.drop();
  onTestFinished(client.subscribe(JOBS_UPDATED, {}, { next: () => undefined }));
  const { connection } = client;
  const reason = expect.stringMatching(BLOCKED);
  await expect.poll(() => connection.get(), SOON).toMatchObject({ kind: "away", reason });
  proxy.heal();
  await expect.poll(() => connection.get().kind, SOON).toBe("connected");
  proxy.drop();
  const down = { kind: "away", reason: "The connection is down; trying again." };
  await expect.poll(() => connection.get(), SOON).toMatchObject(down);
  await expect(client.request(JOBS, { first: 1 })).rejects.toThrow(LOST);
});

test("a first connection that hangs is reported within 5 s", async () => {
  const { client, proxy } = await openClientInPage(openClientOfProcess);
  proxy.blackHole();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const leave = client.subscribe(JOBS_UPDATED, {}, { next: () => undefined });
  await vi.advanceTimersByTimeAsync(4_900);
  expect(client.connection.get().kind).toBe("idle");
  await vi.advanceTimersByTimeAsync(100);
  const reason = expect.stringMatching(BLOCKED);
  expect(client.connection.get()).toMatchObject({ kind: "away", reason });
  proxy.heal();
  await vi.advanceTimersByTimeAsync(2_000);
  vi.useRealTimers();
  await expect.poll(() => client.connection.get().kind, SOON).toBe("connected");
  leave();
});
