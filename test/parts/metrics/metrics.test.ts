import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../support/parts.ts";
import { startGateway } from "../../../src/gateway.ts";
import { pino } from "pino";

import { collectStatements } from "../../support/collect-statements.ts";
import { JobDocument } from "../../support/gql/operations.ts";
import { request, submit } from "../../support/graphql-client.ts";
import { closing, INIT, nextMessage, open } from "../../server/open-socket.ts";
import { keepStream } from "../../support/keep-stream.ts";
import { exchange } from "../../support/raw-socket.ts";
import { startFaultyUpstream } from "../../support/faulty-upstream/faulty-upstream.ts";

const log = pino({ level: "silent" });

/** The samples of `/metrics`, by name and labels. */
async function readMetrics(port: number): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=/);
  const lines = (await response.text()).split("\n").filter((line) => /^[a-z]/.test(line));
  return new Map(
    lines.map((line) => {
      const [, name = "", value] = /^(.*) (\S+)$/.exec(line) ?? [];
      return [name.replace(/^runcomfy_gateway_/, ""), Number(value)];
    }),
  );
}

async function start(variables: Readonly<Record<string, string>> = {}) {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const { channels, statements } = collectStatements();
  const gateway = await startGateway(
    loadConfig({
      PORT: "0",
      METRICS_PORT: "0",
      DATABASE_URL: ":memory:",
      RUNCOMFY_BASE_URL: upstream.url,
      RUNCOMFY_API_TOKEN: upstream.token,
      ...variables,
    }),
    { log, channels },
  );
  onTestFinished(() => gateway.close());
  const metricsPort = Number(new URL(new Map(gateway.urls).get("Metrics") ?? "").port);
  return { ...gateway, metricsPort, upstream, statements };
}

test("the life of a job is counted and measured, who watches it, and what fails, by codes of the gateway's own; nothing of its input, owner or id is shown", async () => {
  const { url, metricsPort, upstream } = await start();
  upstream.script("dep", ["in_queue"]);
  const get = async (name: string) => (await readMetrics(metricsPort)).get(name);
  const leaving = new AbortController();
  await openStream(url, "{jobsUpdated{cursor}}", leaving.signal);
  const { id, requestId } = await submit(url, "dep", "A secret lantern");
  await openStream(url, `{jobUpdated(id:"${id}"){version}}`, leaving.signal);
  expect(await get("watchers_open")).toBe(2);
  await expect.poll(() => get('events_total{of="job"}')).toBeGreaterThan(0);
  upstream.script(requestId ?? "", ["in_progress", "succeeded"]);
  // The end of the job is the last that its watcher gets.
  await expect.poll(() => get("watchers_open")).toBe(1);
  await expect.poll(() => get('events_total{of="feed"}')).toBeGreaterThan(1);
  leaving.abort();
  await expect.poll(() => get("watchers_open")).toBe(0);
  // No job, so nobody who watches it.
  const unknown = await openStream(url, '{jobUpdated(id:"job_0"){version}}');
  expect(await unknown.text()).toContain("NOT_FOUND");
  await request(url, JobDocument, { id });
  await expect(submit(url, "fault-html-500", "A lantern")).rejects.toThrow("UpstreamError");
  await post(url, '{ jobs(after: "no cursor") { totalCount } }');
  await fetch(`${url}/upstream-webhooks/${id}?signature=guessed`, { method: "POST" });

  const metrics = await readMetrics(metricsPort);
  for (const [name, value] of [
    ["watchers_open", 0],
    ['submits_total{outcome="accepted"}', 1],
    ['jobs_ended_total{status="SUCCEEDED",deployment="dep"}', 1],
    ['job_run_seconds_count{deployment="dep"}', 1],
    ['job_queue_seconds_count{deployment="dep"}', 1],
    ['upstream_calls_total{call="status",code="ok"}', upstream.count("status")],
    ['polls_total{outcome="seen"}', upstream.count("status")],
    ['upstream_webhooks_total{outcome="taken"}', 0],
    ['upstream_webhooks_total{outcome="refused"}', 1],
    ["claims_taken_over_total", 0],
    ['operations_total{kind="mutation",outcome="ok",code=""}', 2],
    ['operations_total{kind="query",outcome="error",code="BAD_USER_INPUT"}', 1],
    ['operations_total{kind="subscription",outcome="ok",code=""}', 2],
    ['submits_total{outcome="unknown"}', 1],
    // RunComfy never said that there is such a deployment.
    ['jobs_ended_total{status="FAILED",deployment="other"}', 1],
    ['upstream_calls_total{call="submit",code="UNAVAILABLE"}', 1],
    ["outages_open", 0],
    ["sockets_open", 0],
    ['operation_duration_seconds_count{kind="query"}', 2],
    ["database_up", 1],
    ['jobs_unfinished{status="IN_QUEUE"}', 0],
  ] as const)
    expect(metrics.get(name), name).toBe(value);
  const reported = [...metrics.keys()].join("\n");
  for (const secret of ["lantern", id, '"local"']) expect(reported).not.toContain(secret);
});

test("what owners are refused is counted by the limit that they have reached", async () => {
  const { url, metricsPort, upstream } = await start({
    SUBMITS_PER_MINUTE: "3",
    JOBS_IN_FLIGHT: "1",
    SUBSCRIPTIONS_PER_OWNER: "1",
    SOCKETS_PER_OWNER: "1",
    OPEN_UPLOADS: "1",
    PUBLIC_URL: "https://gateway.example.com",
    REQUESTS_PER_SECOND: "20",
  });
  upstream.script("dep", ["in_queue"]);
  const { id } = await submit(url, "dep", "A lantern");
  const refuse = async (...reasons: readonly string[]) => {
    for (const reason of reasons)
      await expect(submit(url, "dep", "A lantern")).rejects.toThrow(reason);
  };
  await refuse("1 unfinished", "1 unfinished");
  await post(url, `mutation { cancelJob(id: "${id}") { __typename } }`);
  upstream.setFault("teapot-418", ["submit"]);
  await refuse("UpstreamError", "UpstreamError", "3 jobs", "3 jobs");
  const leaving = new AbortController();
  await openStream(url, "{jobsUpdated{cursor}}", leaving.signal);
  await (await openStream(url, "{jobsUpdated{cursor}}")).text();
  const upload = `mutation { createUpload(fileName: "a.png", contentType: "image/png", bytes: 9) { __typename } }`;
  for (let tries = 0; tries < 3; tries++) await post(url, upload);
  await nextMessage(await open(`${url}/graphql`, INIT));
  expect((await closing(await open(`${url}/graphql`, INIT))).code).toBe(1013);
  let tooMany = 0;
  // On a busy machine so many may take longer than a second.
  for (let rounds = 0; rounds < 20 && tooMany < 10; rounds++) {
    const asked = Array.from({ length: 30 }, () => post(url, "{ __typename }"));
    for (const { status } of await Promise.all(asked)) if (status === 429) tooMany += 1;
  }
  expect(tooMany).toBeGreaterThanOrEqual(10);
  leaving.abort();
  const metrics = await readMetrics(metricsPort);
  const refusals = [...metrics].filter(([name]) => name.startsWith("refusals_total"));
  expect(Object.fromEntries(refusals)).toEqual({
    'refusals_total{limit="jobsInFlight"}': 2,
    'refusals_total{limit="submitsPerMinute"}': 2,
    'refusals_total{limit="subscriptions"}': 1,
    'refusals_total{limit="openUploads"}': 2,
    'refusals_total{limit="sockets"}': 1,
    'refusals_total{limit="requestsPerSecond"}': tooMany,
  });
});

test("reading them takes four statements, once a connection, and nothing else is served there, on a port that nobody else has", async () => {
  const { metricsPort, statements } = await start();
  const countCounts = () => statements.filter((sql) => sql.includes("count(")).length;
  statements.length = 0;
  await readMetrics(metricsPort);
  expect(countCounts()).toBe(4);
  statements.length = 0;
  const request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const { text } = await exchange(metricsPort, request.repeat(100));
  expect(text).toMatch(/^HTTP\/1.1 200 .*Connection: close/s);
  expect(countCounts()).toBe(4);
  for (const path of ["/", "/graphql", "/metrics/x"]) {
    const response = await fetch(`http://127.0.0.1:${metricsPort}${path}`);
    expect([response.status, await response.text()]).toEqual([404, "Metrics are at /metrics.\n"]);
  }
  const taken = { METRICS_PORT: String(metricsPort), SANDBOX_PORT: "0", DATABASE_URL: ":memory:" };
  const second = startGateway(loadConfig({ PORT: "0", ...taken }), { log });
  await expect(second).rejects.toThrow("set METRICS_PORT to another port");
});

async function openStream(url: string, selection: string, signal?: AbortSignal) {
  const query = encodeURIComponent(`subscription${selection}`);
  const headers = { accept: "text/event-stream" };
  return keepStream(
    await fetch(`${url}/graphql?query=${query}`, { headers, ...(signal && { signal }) }),
  );
}

function post(url: string, query: string): Promise<Response> {
  return fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
}
