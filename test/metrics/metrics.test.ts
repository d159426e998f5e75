import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../src/config/load-config.ts";
import { startGateway } from "../../src/gateway.ts";
import { pino } from "pino";

import { JobDocument } from "../support/gql/operations.ts";
import { request, submit } from "../support/graphql-client.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

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

async function start() {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const statements: string[] = [];
  const folder = await createTemporaryFolder();
  const gateway = await startGateway(
    loadConfig({
      PORT: "0",
      METRICS_PORT: "0",
      DATABASE_URL: `file:${folder}/gateway.db`,
      RUNCOMFY_BASE_URL: upstream.url,
      RUNCOMFY_API_TOKEN: upstream.token,
    }),
    { log: pino({ level: "silent" }), onStatement: (sql) => statements.push(sql) },
  );
  onTestFinished(() => gateway.close());
  if (gateway.metricsPort === null) throw new Error("it serves no metrics");
  return { ...gateway, metricsPort: gateway.metricsPort, upstream, statements };
}

test("the life of a job is counted and measured, and nothing of its input, owner or id is told", async () => {
  const { url, metricsPort, upstream } = await start();
  const { id } = await submit(url, "dep", "A secret lantern");
  await expect
    .poll(async () => (await request(url, JobDocument, { id })).job?.status, { timeout: 20_000 })
    .toBe("SUCCEEDED");
  const metrics = await readMetrics(metricsPort);
  expect(metrics.get('submits_total{outcome="accepted"}')).toBe(1);
  expect(metrics.get('jobs_ended_total{status="SUCCEEDED",deployment="dep"}')).toBe(1);
  expect(metrics.get('job_run_seconds_count{deployment="dep"}')).toBe(1);
  expect(metrics.get('job_queue_seconds_count{deployment="dep"}')).toBe(1);
  expect(metrics.get('job_end_lateness_seconds_count{deployment="dep"}')).toBe(1);
  expect(metrics.get('upstream_calls_total{call="status",code="ok"}')).toBe(
    upstream.count("status"),
  );
  expect(metrics.get('operations_total{kind="mutation",outcome="ok",code=""}')).toBe(1);
  expect(metrics.get('operation_duration_seconds_count{kind="query"}')).toBeGreaterThan(0);
  expect(metrics.get("database_up")).toBe(1);
  expect(metrics.get('jobs_unfinished{status="IN_QUEUE"}')).toBe(0);
  const told = [...metrics.keys()].join("\n");
  for (const secret of ["lantern", id, '"local"']) expect(told).not.toContain(secret);
});

test("what fails is told by codes of the gateway's own, and what is open as it is", async () => {
  const { url, metricsPort } = await start();
  await expect(submit(url, "fault-html-500", "A lantern")).rejects.toThrow("UpstreamError");
  const cursor = '{ jobs(after: "no cursor") { totalCount } }';
  await fetch(`${url}/graphql?query=${encodeURIComponent(cursor)}`, {
    headers: { accept: "application/json" },
  });
  const leaving = new AbortController();
  await fetch(`${url}/graphql?query=subscription{jobsUpdated{cursor}}`, {
    headers: { accept: "text/event-stream" },
    signal: leaving.signal,
  });
  await submit(url, "dep", "A lantern");
  const metrics = await readMetrics(metricsPort);
  expect(metrics.get('submits_total{outcome="unknown"}')).toBe(1);
  expect(metrics.get('upstream_calls_total{call="submit",code="UNAVAILABLE"}')).toBe(1);
  expect(metrics.get('operations_total{kind="query",outcome="error",code="BAD_USER_INPUT"}')).toBe(
    1,
  );
  expect(metrics.get('operations_total{kind="subscription",outcome="ok",code=""}')).toBe(1);
  expect(metrics.get("subscriptions_open")).toBe(1);
  expect(metrics.get("outages_open")).toBe(0);
  expect(metrics.get("sockets_open")).toBe(0);
  leaving.abort();
  await expect.poll(async () => (await readMetrics(metricsPort)).get("subscriptions_open")).toBe(0);
});

test("reading them takes three statements, and nothing else is served there", async () => {
  const { metricsPort, statements } = await start();
  statements.length = 0;
  await readMetrics(metricsPort);
  expect(statements.filter((sql) => sql.includes("count("))).toHaveLength(3);
  for (const path of ["/", "/graphql", "/metrics/x"]) {
    const response = await fetch(`http://127.0.0.1:${metricsPort}${path}`);
    expect([response.status, await response.text()]).toEqual([404, "Metrics are at /metrics.\n"]);
  }
});

test("a port that is taken is named with its variable", async () => {
  const { metricsPort } = await start();
  const config = loadConfig({
    PORT: "0",
    METRICS_PORT: String(metricsPort),
    SANDBOX_PORT: "0",
    DATABASE_URL: ":memory:",
  });
  await expect(startGateway(config, { log: pino({ level: "silent" }) })).rejects.toThrow(
    "set METRICS_PORT to another port",
  );
});
