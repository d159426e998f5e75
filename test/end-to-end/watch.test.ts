import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { createClient } from "graphql-ws";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";

import { start } from "../gateway/open-gateway.ts";
import type { JobsUpdatedSubscription, JobUpdatedSubscription } from "../support/gql/operations.ts";
import { JobsUpdatedDocument, JobUpdatedDocument } from "../support/gql/operations.ts";
import { submit } from "../support/graphql-client.ts";

const WATCHERS = 100;
const SOON = { timeout: 20_000, interval: 50 };
const OUTPUT = { output: { images: ["https://a.runcomfy.net/1.png"] } };

test("100 watchers of a job cost the upstream what one costs, and all see it through", async () => {
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
});

test("a socket and server-sent events bring the same states to the end, which who comes late gets at once", async () => {
  const { upstream, url } = await start();
  upstream.script("waiting", ["in_queue"]);
  const { id, requestId } = await submit(url, "waiting", "a prompt");
  const early = watchJob(url, id);
  await early.first;
  const streaming = readJobs(url, id);
  await expect.poll(() => upstream.count("status"), SOON).toBeGreaterThan(1);
  upstream.finish(requestId ?? "", { status: "failed", error: "out of memory" });
  expect(await early.end).toBe("complete");
  const last = early.states.at(-1);
  expect(last).toMatchObject({ status: "FAILED", error: { code: "INFERENCE_FAILED" } });
  const streamed = await streaming;
  expectToGrow(streamed);
  expect(streamed.at(-1)).toEqual(last);

  const late = watchJob(url, id);
  expect(await late.end).toBe("complete");
  expect(late.states).toEqual([last]);
  expect(await readJobs(url, id)).toEqual([last]);
});

test("one dashboard sees every job to its end over a WebSocket, and comes back without missing any, also as server-sent events", async () => {
  const { upstream, url } = await start();
  upstream.script("waiting", ["in_queue"]);
  // It begins with what to start from, a reset, because it has no cursor yet.
  const present = watchFeed(url, "");
  await present.first;
  const jobs = [await submit(url, "waiting", "the first")];
  const statusOf = (changes: readonly Change[], { id }: { readonly id: string }) =>
    changes.findLast(({ job }) => job?.id === id)?.job?.status;
  for (const job of jobs)
    await expect.poll(() => statusOf(present.states, job), SOON).toBe("IN_QUEUE");
  present.leave();
  expect(await present.end).toBe("complete");

  jobs.push(await submit(url, "waiting", "the second"));
  for (const { requestId } of jobs) upstream.finish(requestId ?? "", OUTPUT);
  const after = present.states.at(-1)?.cursor ?? "";
  const returned = watchFeed(url, after);
  for (const job of jobs) {
    await expect.poll(() => statusOf(returned.states, job), SOON).toBe("SUCCEEDED");
    expectToGrow(
      returned.states.flatMap((change) => (change.job?.id === job.id ? change.job : [])),
    );
  }
  const leaving = new AbortController();
  onTestFinished(() => leaving.abort());
  const response = await openEvents(url, JobsUpdatedDocument, { after }, leaving.signal);
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (jobs.every(({ id }) => text.includes(id))) break;
  }
  expect(text).toMatch(/event: next\ndata: .*"prompt":"the second"/);
});

type Change = JobsUpdatedSubscription["jobsUpdated"];
type State = JobUpdatedSubscription["jobUpdated"];

const watchJob = (url: string, id: string) =>
  watch(url, JobUpdatedDocument, { id }, ({ jobUpdated }) => jobUpdated);
const watchFeed = (url: string, after: string) =>
  watch(url, JobsUpdatedDocument, { after }, ({ jobsUpdated }) => jobsUpdated);

/** Watches on a socket of its own, which does not come back by itself. */
function watch<Data, Variables extends Record<string, unknown>, Value>(
  url: string,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  pick: (data: Data) => Value,
) {
  const client = createClient({
    url: `${url.replace(/^http/, "ws")}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
  });
  onTestFinished(() => void client.dispose());
  const states: Value[] = [];
  const first = Promise.withResolvers<void>();
  const end = Promise.withResolvers<unknown>();
  const leave = client.subscribe<Data>(
    { query: print(document), variables },
    {
      next({ data }) {
        if (data) states.push(pick(data));
        first.resolve();
      },
      error: end.resolve,
      complete: () => end.resolve("complete"),
    },
  );
  return { states, first: first.promise, end: end.promise, leave };
}

async function openEvents<Variables>(
  url: string,
  document: TypedDocumentNode<unknown, Variables>,
  variables: Variables,
  signal: AbortSignal | null = null,
): Promise<Response> {
  return await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ query: print(document), variables }),
    signal,
  });
}

/** The states of a job that come as server-sent events until the stream is complete. */
async function readJobs(url: string, id: string): Promise<readonly State[]> {
  const text = await (await openEvents(url, JobUpdatedDocument, { id })).text();
  expect(text).toMatch(/event: complete\n(data:.*\n)?\n$/);
  return [...text.matchAll(/^event: next\ndata: (.*)$/gm)].map(
    ([, data = ""]) => JSON.parse(data).data.jobUpdated,
  );
}

function expectToGrow(states: readonly { readonly version: number }[]): void {
  const versions = states.map(({ version }) => version);
  expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
}
