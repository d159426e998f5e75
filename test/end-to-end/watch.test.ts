import type { Client } from "graphql-ws";
import { createClient } from "graphql-ws";
import { print } from "graphql";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";

import { loadConfig } from "../../src/config/load-config.ts";
import type { Gateway } from "../../src/gateway.ts";
import { startGateway } from "../../src/gateway.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import type { JobUpdatedSubscription } from "../support/gql/operations.ts";
import { JobUpdatedDocument } from "../support/gql/operations.ts";
import { submit } from "../support/graphql-client.ts";

const WATCHERS = 200;

type WatchedJob = JobUpdatedSubscription["jobUpdated"];

test("200 watchers of a job cost the upstream what one costs, and all see it through", async () => {
  const { upstream, gateway } = await open();
  upstream.script("waiting", ["in_queue"]);
  const [lonely, popular] = await Promise.all([
    submit(gateway.url, "waiting", "one watcher"),
    submit(gateway.url, "waiting", "many watchers"),
  ]);
  const one = watch(connect(gateway), lonely.id);
  const many = Array.from({ length: WATCHERS }, () => watch(connect(gateway), popular.id));
  await Promise.all([one, ...many].map(({ first }) => first));

  const pollsBefore =
    countPolls(upstream, lonely.requestId) - countPolls(upstream, popular.requestId);
  await upstream.whenRequested("status", 10, lonely.requestId ?? "");
  const pollsAfter =
    countPolls(upstream, lonely.requestId) - countPolls(upstream, popular.requestId);
  expect(Math.abs(pollsBefore)).toBeLessThanOrEqual(1);
  expect(Math.abs(pollsAfter)).toBeLessThanOrEqual(2); // Polls are jittered.

  upstream.script(popular.requestId ?? "", ["in_progress"]);
  await Promise.all(
    many.map(({ jobs }) => expect.poll(() => jobs.at(-1)?.status, SOON).toBe("IN_PROGRESS")),
  );
  upstream.finish(popular.requestId ?? "", {
    output: { images: ["https://a.runcomfy.net/1.png"] },
  });
  for (const { jobs, end } of many) {
    expect(await end).toBe("complete");
    expectToGrow(jobs);
    expect(jobs.filter(({ isFinished }) => isFinished)).toHaveLength(1);
    expect(jobs.at(-1)).toMatchObject({ status: "SUCCEEDED", assets: [{ kind: "IMAGE" }] });
  }
});

test("who comes late gets the end at once, over WebSocket and as server-sent events", async () => {
  const { gateway } = await open();
  const { id } = await submit(gateway.url, "quick", "a prompt");
  const early = watch(connect(gateway), id);
  expect(await early.end).toBe("complete");

  const late = watch(connect(gateway), id);
  expect(await late.end).toBe("complete");
  expect(late.jobs).toEqual([early.jobs.at(-1)]);
  const events = await readEvents(await openEvents(gateway, id));
  expect(toJobs(events)).toEqual([early.jobs.at(-1)]);
  expect(events.at(-1)?.name).toBe("complete");
});

test("server-sent events bring the same states as the WebSocket, then complete", async () => {
  const { upstream, gateway } = await open();
  upstream.script("waiting", ["in_queue"]);
  const { id, requestId } = await submit(gateway.url, "waiting", "a prompt");
  const socket = watch(connect(gateway), id);
  const response = await openEvents(gateway, id);
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  const reading = readEvents(response);
  await socket.first;
  upstream.finish(requestId ?? "", { status: "failed", error: "out of memory" });

  const events = await reading;
  expect(await socket.end).toBe("complete");
  expectToGrow(toJobs(events));
  expect(toJobs(events).at(-1)).toEqual(socket.jobs.at(-1));
  expect(toJobs(events).at(-1)).toMatchObject({
    status: "FAILED",
    error: { code: "INFERENCE_FAILED" },
  });
  expect(events.at(-1)?.name).toBe("complete");
});

test("a wrong document or an unknown job fails its own operation, and the socket's others go on", async () => {
  const { upstream, gateway } = await open();
  upstream.script("waiting", ["in_queue"]);
  const { id, requestId } = await submit(gateway.url, "waiting", "a prompt");
  const client = connect(gateway);
  let closes = 0;
  client.on("closed", () => closes++);
  const watcher = watch(client, id);
  await watcher.first;

  expect(await fail(client, "subscription {")).toBe("GRAPHQL_PARSE_FAILED");
  expect(await fail(client, "subscription { nothing }")).toBe("GRAPHQL_VALIDATION_FAILED");
  expect(await fail(client, print(JobUpdatedDocument), { id: "job_unknown" })).toBe("NOT_FOUND");

  upstream.finish(requestId ?? "", { output: { images: [] } });
  expect(await watcher.end).toBe("complete");
  expect(closes).toBe(0);
});

test("a watcher who leaves makes room: one socket can come and go any number of times", async () => {
  const { upstream, gateway } = await open();
  upstream.script("waiting", ["in_queue"]);
  const { id, requestId } = await submit(gateway.url, "waiting", "a prompt");
  const client = connect(gateway);
  const staying = watch(client, id);
  for (let round = 0; round < 5; round++) {
    const leaving = Array.from({ length: 50 }, () => watch(client, id));
    await Promise.all(leaving.map(({ first }) => first));
    for (const { leave } of leaving) leave();
    expect(await Promise.all(leaving.map(({ end }) => end))).toEqual(leaving.map(() => "complete"));
  }
  upstream.finish(requestId ?? "", { output: { images: [] } });
  expect(await staying.end).toBe("complete");
  expect(staying.jobs.at(-1)?.status).toBe("SUCCEEDED");
});

test("at shutdown watchers are told to come back, and nothing is completed", async () => {
  const { upstream, gateway } = await open();
  upstream.script("waiting", ["in_queue"]);
  const { id } = await submit(gateway.url, "waiting", "a prompt");
  const client = connect(gateway);
  const closeCode = Promise.withResolvers<unknown>();
  client.on("closed", (event) => closeCode.resolve(Object(event).code));
  const watcher = watch(client, id);
  await watcher.first;
  const begun = Promise.withResolvers<void>();
  const reading = readEvents(await openEvents(gateway, id), begun.resolve);
  await begun.promise;

  await gateway.close();
  expect([1_001, 1_012]).toContain(await closeCode.promise);
  expect(await watcher.end).not.toBe("complete");
  const events = await reading;
  expect(toJobs(events)).toHaveLength(1);
  expect(events.map(({ name }) => name)).not.toContain("complete");
});

const SOON = { timeout: 20_000, interval: 50 };

async function open(): Promise<{ readonly upstream: FaultyUpstream; readonly gateway: Gateway }> {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const config = loadConfig({
    PORT: "0",
    DATABASE_URL: ":memory:",
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
  });
  const gateway = await startGateway(config, { log: pino({ level: "silent" }) });
  onTestFinished(() => gateway.close());
  return { upstream, gateway };
}

/** A socket of its own, which does not come back by itself. */
function connect(gateway: Gateway): Client {
  const url = `${gateway.url.replace(/^http/, "ws")}/graphql`;
  const client = createClient({
    url,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    lazyCloseTimeout: 60_000,
  });
  onTestFinished(() => void client.dispose());
  return client;
}

type Watcher = {
  readonly jobs: readonly WatchedJob[];
  /** Resolves when the first state has come, or an error instead. */
  readonly first: Promise<void>;
  /** Resolves with "complete", or with what ended it instead. */
  readonly end: Promise<unknown>;
  leave(): void;
};

function watch(client: Client, id: string): Watcher {
  const jobs: WatchedJob[] = [];
  const first = Promise.withResolvers<void>();
  const end = Promise.withResolvers<unknown>();
  const leave = client.subscribe<JobUpdatedSubscription>(
    { query: print(JobUpdatedDocument), variables: { id } },
    {
      next({ data }) {
        if (data) jobs.push(data.jobUpdated);
        first.resolve();
      },
      error(errors) {
        end.resolve(errors);
        first.resolve();
      },
      complete: () => end.resolve("complete"),
    },
  );
  return { jobs, first: first.promise, end: end.promise, leave };
}

/** Runs what has to fail, and gives the code of its error. */
async function fail(
  client: Client,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<unknown> {
  const code = Promise.withResolvers<unknown>();
  client.subscribe(
    { query, variables },
    {
      next: ({ errors }) => code.resolve(errors?.[0]?.extensions?.["code"]),
      error: (errors) => code.resolve(Array.isArray(errors) ? errors[0]?.extensions?.code : errors),
      complete: () => code.resolve("complete"),
    },
  );
  return await code.promise;
}

function countPolls(upstream: FaultyUpstream, requestId: string | null): number {
  return upstream.count("status", requestId ?? "");
}

function expectToGrow(jobs: readonly WatchedJob[]): void {
  const versions = jobs.map(({ version }) => version);
  expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
}

type ServerEvent = { readonly name: string | undefined; readonly data: string };

async function openEvents(gateway: Gateway, id: string): Promise<Response> {
  return await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ query: print(JobUpdatedDocument), variables: { id } }),
  });
}

/** All events until the stream ends or is cut. */
/** All events until the end; `onEvent` hears of the first one. */
async function readEvents(
  response: Response,
  onEvent: () => void = () => undefined,
): Promise<readonly ServerEvent[]> {
  let text = "";
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (/^event: next\n.*\n\n/m.test(text)) onEvent();
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // What fetch throws where the connection is cut.
  }
  return text
    .split("\n\n")
    .map((block) => ({
      name: /^event: (.*)$/m.exec(block)?.[1],
      data: /^data: (.*)$/m.exec(block)?.[1] ?? "",
    }))
    .filter(({ name }) => name !== undefined);
}

function toJobs(events: readonly ServerEvent[]): readonly WatchedJob[] {
  return events
    .filter(({ name }) => name === "next")
    .map(({ data }) => JSON.parse(data).data.jobUpdated);
}
