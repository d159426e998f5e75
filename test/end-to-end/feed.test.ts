import { print } from "graphql";
import { createClient } from "graphql-ws";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";

import { loadConfig } from "../../src/config/load-config.ts";
import type { Gateway } from "../../src/gateway.ts";
import { startGateway } from "../../src/gateway.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import type { JobsUpdatedSubscription } from "../support/gql/operations.ts";
import { DeleteJobDocument, JobsUpdatedDocument } from "../support/gql/operations.ts";
import { request, submit } from "../support/graphql-client.ts";

type Change = JobsUpdatedSubscription["jobsUpdated"];

const SOON = { timeout: 20_000, interval: 50 };

test("one dashboard sees every job to its end over a WebSocket, and comes back without missing any", async () => {
  const { gateway, upstream } = await open();
  upstream.script("waiting", ["in_queue"]);
  const present = watch(gateway);
  await isServed(gateway, present);
  const first = await submit(gateway.url, "waiting", "the first");
  await expect.poll(() => statusOf(present.changes, first.id), SOON).toBe("IN_QUEUE");
  present.leave();
  expect(await present.end).toBe("complete");

  const second = await submit(gateway.url, "waiting", "the second");
  for (const { requestId } of [first, second]) {
    upstream.finish(requestId ?? "", { output: { images: ["https://a.runcomfy.net/1.png"] } });
  }
  const returned = watch(gateway, { after: present.changes.at(-1)?.cursor });
  for (const { id } of [first, second]) {
    await expect.poll(() => statusOf(returned.changes, id), SOON).toBe("SUCCEEDED");
    const versions = versionsOf(returned.changes, id);
    expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
  }
  expect(returned.changes.find(({ job }) => job?.id === second.id)?.job?.input).toEqual({
    prompt: "the second",
  });
});

test("server-sent events bring the same feed, from a cursor on", async () => {
  const { gateway, upstream } = await open();
  upstream.script("waiting", ["in_queue"]);
  const socket = watch(gateway);
  await isServed(gateway, socket);
  const { id, requestId } = await submit(gateway.url, "waiting", "a prompt");
  await expect.poll(() => statusOf(socket.changes, id), SOON).toBe("IN_QUEUE");
  const after = socket.changes.at(0)?.cursor;
  upstream.finish(requestId ?? "", { output: { images: [] } });

  const controller = new AbortController();
  const response = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ query: print(JobsUpdatedDocument), variables: { after } }),
    signal: controller.signal,
  });
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes('"SUCCEEDED"')) break;
  }
  controller.abort();
  expect(text).toContain("event: next");
  expect(text).toContain(id);
});

test("a wrong cursor fails its own operation, and the socket's others go on", async () => {
  const { gateway } = await open();
  const client = connect(gateway);
  const present = watch(gateway, {}, client);
  await isServed(gateway, present);
  const refused = watch(gateway, { after: "junk" }, client);
  expect(await refused.end).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
  const { id } = await submit(gateway.url, "quick", "a prompt");
  await expect.poll(() => statusOf(present.changes, id), SOON).toBe("SUCCEEDED");

  const { deleteJob } = await request(gateway.url, DeleteJobDocument, { id });
  expect(deleteJob).toEqual({ __typename: "DeleteJobSuccess", deletedJobId: id });
});

async function open() {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const config = loadConfig({
    PORT: "0",
    DATABASE_URL: ":memory:",
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
    JOB_RETENTION_DAYS: "30",
  });
  const gateway = await startGateway(config, { log: pino({ level: "silent" }) });
  onTestFinished(() => gateway.close());
  return { upstream, gateway };
}

function connect(gateway: Gateway) {
  const url = `${gateway.url.replace(/^http/, "ws")}/graphql`;
  const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 });
  onTestFinished(() => void client.dispose());
  return client;
}

function watch(
  gateway: Gateway,
  variables: { readonly after?: string | undefined } = {},
  client = connect(gateway),
) {
  const changes: Change[] = [];
  const end = Promise.withResolvers<unknown>();
  const leave = client.subscribe<JobsUpdatedSubscription>(
    { query: print(JobsUpdatedDocument), variables },
    {
      next({ data, errors }) {
        if (data) changes.push(data.jobsUpdated);
        if (errors) end.resolve(errors);
      },
      error: end.resolve,
      complete: () => end.resolve("complete"),
    },
  );
  return { changes, end: end.promise, leave };
}

/** A feed says nothing when it begins: jobs are run until it tells of one. */
async function isServed(gateway: Gateway, { changes }: { readonly changes: readonly Change[] }) {
  await expect
    .poll(async () => {
      await submit(gateway.url, "quick", "a sign of life");
      return changes.length;
    }, SOON)
    .toBeGreaterThan(0);
}

function statusOf(changes: readonly Change[], id: string) {
  return changes.findLast(({ job }) => job?.id === id)?.job?.status;
}

function versionsOf(changes: readonly Change[], id: string): number[] {
  return changes.flatMap(({ job }) => (job?.id === id ? [job.version] : []));
}
