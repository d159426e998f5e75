import { print } from "graphql";
import { createClient } from "graphql-ws";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";

import { start } from "../gateway/open-gateway.ts";
import type { JobUpdatedSubscription } from "../support/gql/operations.ts";
import { JobUpdatedDocument } from "../support/gql/operations.ts";
import { submit } from "../support/graphql-client.ts";

const QUERY = print(JobUpdatedDocument);
const WATCHERS = 100;
const SOON = { timeout: 20_000, interval: 50 };
const OUTPUT = { output: { images: ["https://a.runcomfy.net/1.png"] } };

test("100 watchers of a job cost the upstream what one costs, and all see it through, latecomers at once", async () => {
  const { upstream, url } = await start();
  upstream.script("waiting", ["in_queue"]);
  const [lonely, popular] = await Promise.all([
    submit(url, "waiting", "one watcher"),
    submit(url, "waiting", "many watchers"),
  ]);
  const lonelyId = lonely.requestId ?? "";
  const popularId = popular.requestId ?? "";
  const countMore = () => upstream.count("status", lonelyId) - upstream.count("status", popularId);
  const one = watchJob(url, lonely.id);
  const many = Array.from({ length: WATCHERS }, () => watchJob(url, popular.id));
  await Promise.all([one, ...many].map(({ first }) => first));

  expect(Math.abs(countMore())).toBeLessThanOrEqual(1);
  await upstream.whenRequested("status", 5, lonelyId);
  expect(Math.abs(countMore())).toBeLessThanOrEqual(2); // Polls are jittered.

  upstream.script(popularId, ["in_progress"]);
  for (const { states } of many)
    await expect.poll(() => states.at(-1)?.status, SOON).toBe("IN_PROGRESS");
  upstream.finish(popularId, OUTPUT);
  for (const { states, end } of many) {
    expect(await end).toBe("complete");
    expectToGrow(states);
    expect(states.filter(({ isFinished }) => isFinished)).toHaveLength(1);
    expect(states.at(-1)).toMatchObject({ status: "SUCCEEDED", assets: [{ kind: "IMAGE" }] });
  }
  const late = watchJob(url, popular.id);
  expect(await late.end).toBe("complete");
  expect(late.states).toEqual(many[0]?.states.slice(-1));
});

type State = JobUpdatedSubscription["jobUpdated"];

/** Watches a job on a socket of its own, which does not come back by itself. */
function watchJob(url: string, id: string) {
  const client = createClient({
    url: `${url.replace(/^http/, "ws")}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
  });
  onTestFinished(() => void client.dispose());
  const states: State[] = [];
  const first = Promise.withResolvers<void>();
  const end = Promise.withResolvers<unknown>();
  client.subscribe<JobUpdatedSubscription>(
    { query: QUERY, variables: { id } },
    {
      next({ data }) {
        if (data) states.push(data.jobUpdated);
        first.resolve();
      },
      error: end.resolve,
      complete: () => end.resolve("complete"),
    },
  );
  return { states, first: first.promise, end: end.promise };
}

function expectToGrow(states: readonly { readonly version: number }[]): void {
  const versions = states.map(({ version }) => version);
  expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
}
