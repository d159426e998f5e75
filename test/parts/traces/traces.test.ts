import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { print } from "graphql";
import type { Client } from "graphql-ws";
import { createClient } from "graphql-ws";
import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";

import { loadConfig } from "../../support/parts.ts";
import { startGateway } from "../../../src/gateway.ts";
import { startFaultyUpstream } from "../../support/faulty-upstream/faulty-upstream.ts";
import { copyProject, runGateway } from "../../support/gateway-process.ts";
import { JobUpdatedDocument } from "../../support/gql/operations.ts";
import { ask } from "../../support/graphql-client.ts";
import { startCollector } from "./otlp-collector.ts";
import { ROOT } from "../../support/pages.ts";
import { createDatabase } from "../../support/postgres.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";

const SERVER = 2;
const CLIENT = 3;
const SOON = { timeout: 20_000 };
const SUBMIT = `mutation Submit($deploymentId: ID!, $key: String) {
  submitJob(deploymentId: $deploymentId, input: { prompt: "canary-literal" }, idempotencyKey: $key) {
    ... on SubmitJobSuccess { job { id requestId } }
    ... on Error { message }
  }
}`;

test("one trace leads from an operation over RunComfy to the event with the end", async () => {
  const collector = await startCollector();
  const upstream = await openUpstream();
  const folder = copyProject();
  const settings = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
    OTEL_EXPORTER_OTLP_HEADERS: "x-key=canary-header",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}="${value}"\n`);
  writeFileSync(join(folder, ".env"), lines.join(""));
  const gateway = runGateway(
    { RUNCOMFY_BASE_URL: upstream.url, RUNCOMFY_API_TOKEN: upstream.token },
    { folder },
  );
  const url = await gateway.url;
  const caller = makeTraceparent();
  const id = await submit(url, caller.traceparent);
  await watch(connect(url), id, caller.traceparent);
  expect(await gateway.kill("SIGTERM")).toEqual({ code: 0, signal: null });

  const { spans } = collector;
  // The gateway's own loops begin no traces.
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([caller.traceId]));
  const childrenOf = (spanId: string) => spans.filter((span) => span.parentSpanId === spanId);
  const [mutation, subscription, ...others] = childrenOf(caller.spanId);
  expect(others).toEqual([]);
  expect(mutation).toMatchObject({
    name: "mutation",
    kind: SERVER,
    attributes: {
      "graphql.operation.type": "mutation",
      "graphql.operation.name": "Submit",
      "runcomfy.job.id": id,
      "runcomfy.deployment.id": "dep",
    },
    resource: {
      "service.name": "runcomfy-graphql",
      "deployment.environment.name": "test",
      "telemetry.sdk.language": "nodejs",
    },
  });
  expect(subscription).toMatchObject({ name: "subscription", kind: SERVER });
  const children = childrenOf(mutation?.spanId ?? "");
  expect(children.find(({ name }) => name === "POST submit")).toMatchObject({
    kind: CLIENT,
    attributes: { "http.request.method": "POST", "http.response.status_code": 200 },
  });
  expect(children.find(({ name }) => name === "insert jobs")).toMatchObject({
    kind: CLIENT,
    attributes: {
      "db.system.name": "sqlite",
      "db.operation.name": "insert",
      "db.collection.name": "jobs",
    },
  });
  const polls = children.filter(({ name }) => name === "poll");
  expect(polls).toHaveLength(upstream.count("status"));
  const last = childrenOf(polls.at(-1)?.spanId ?? "").map(({ name }) => name);
  expect(last).toEqual(expect.arrayContaining(["GET status", "GET result", "save jobs"]));
  for (const name of ["poll", "event"])
    expect(children.findLast((span) => span.name === name)).toMatchObject({
      attributes: { "runcomfy.job.id": id, "runcomfy.job.status": "SUCCEEDED" },
    });
  expect(collector.headers.every((headers) => headers["x-key"] === "canary-header")).toBe(true);
  const { port } = upstream;
  for (const secret of ["canary", `:${port}`, "127.0.0.1", "key-1", "/prod/", "select "])
    expect(collector.text()).not.toContain(secret);
});

test("a trace goes on at another gateway, which polls and reports the end", async () => {
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  const shared = {
    DATABASE_URL: database.url,
    FILES_URL: `file:${await createTemporaryFolder()}`,
  };
  const { collector, upstream, gateway, open } = await openGateway(shared);
  upstream.script("dep", ["in_queue"]);
  const caller = makeTraceparent();
  const id = await submit(gateway.url, caller.traceparent);
  vi.stubEnv("OTEL_RESOURCE_ATTRIBUTES", "gateway=second");
  onTestFinished(() => void vi.unstubAllEnvs());
  const second = await open();
  const watching = watch(connect(second.url), id);
  await gateway.close();
  await upstream.whenRequested("status", 1);
  const requestId = upstream.requests.find(({ call }) => call === "status")?.requestId ?? "";
  upstream.finish(requestId, { output: { images: [] } });
  await watching;
  await second.close();

  const ofCaller = collector.spans.filter(({ traceId }) => traceId === caller.traceId);
  const find = (wanted: string) => ofCaller.findLast(({ name }) => name === wanted);
  const mutation = find("mutation");
  expect(find("POST submit")?.resource).toEqual(mutation?.resource);
  expect(find("save jobs")?.attributes["db.system.name"]).toBe("postgresql");
  const event = find("event");
  expect([mutation, event].map((span) => span?.resource["gateway"])).toEqual([undefined, "second"]);
  expect(find("poll")?.resource).toEqual(event?.resource);
  expect(event).toMatchObject({
    parentSpanId: mutation?.spanId,
    attributes: { "runcomfy.job.id": id, "runcomfy.job.status": "SUCCEEDED" },
  });
  const { hostname, port } = new URL(database.url);
  for (const secret of ["canary", hostname, `:${port}`, "insert into"])
    expect(collector.text()).not.toContain(secret);
});

test("the end of a job whose submit was cut off is in its trace, though it is settled while the next gateway starts", async () => {
  const collector = await startCollector();
  const upstream = await openUpstream();
  const release = upstream.hold("submit");
  onTestFinished(release);
  const environment = {
    DATABASE_URL: `file:${await createTemporaryFolder()}/jobs.db`,
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  };
  const before = runGateway(environment);
  const caller = makeTraceparent();
  const lost = submit(await before.url, caller.traceparent).catch(() => null);
  await upstream.whenRequested("submit", 1);
  await before.kill("SIGKILL");
  expect(await lost).toBeNull();

  const after = runGateway(environment);
  await after.url;
  await after.kill("SIGTERM");
  expect(collector.spans.filter(({ name }) => name === "end")).toMatchObject([
    {
      traceId: caller.traceId,
      parentSpanId: expect.stringMatching(/^[\da-f]{16}$/),
      attributes: { "runcomfy.job.status": "FAILED", "runcomfy.deployment.id": "dep" },
    },
  ]);
});

test("what fails is traced by codes, and the log names the trace of an operation, a submit and a poll", async () => {
  const { collector, gateway, lines } = await openGateway({});
  const [submitted, polled, failed] = [makeTraceparent(), makeTraceparent("00"), makeTraceparent()];
  await expect(
    submit(gateway.url, submitted.traceparent, { deploymentId: "fault-html-500--submit" }),
  ).rejects.toThrow();
  const second = { deploymentId: "fault-html-500--status", key: "key-2" };
  await submit(gateway.url, polled.traceparent, second);
  const cursor = `{ jobs(after: "canary-cursor") { totalCount } }`;
  const { traceparent } = failed;
  await expect(ask(gateway.url, cursor, { headers: { traceparent } })).rejects.toThrow("jobs");
  const findLine = (text: string) => lines().find((line) => line.includes(text));
  await expect.poll(() => findLine("A poll failed"), SOON).toContain(polled.traceId);
  expect(findLine("It is not known")).toContain(`"traceId":"${submitted.traceId}"`);
  await gateway.close();

  const { spans } = collector;
  expect(spans.find(({ name }) => name === "POST submit")).toMatchObject({
    traceId: submitted.traceId,
    attributes: { "http.response.status_code": 500, "error.type": "UNAVAILABLE" },
    status: { code: 2 },
  });
  expect(spans.find(({ traceId }) => traceId === failed.traceId)).toMatchObject({
    attributes: { "error.type": "BAD_USER_INPUT" },
    status: { code: 2 },
  });
  // Its caller did not want it to be kept.
  expect(spans.filter(({ traceId }) => traceId === polled.traceId)).toEqual([]);
  expect(collector.text()).not.toContain("canary");
});

test("the program loads nothing of OpenTelemetry before it knows of a collector", async () => {
  const hook = `import { registerHooks } from "node:module";
    registerHooks({ resolve(specifier, context, next) {
      if (/opentelemetry|gateway/.test(specifier)) console.error("loads " + specifier);
      return next(specifier, context);
    } });`;
  const parameters = ["--import", `data:text/javascript,${encodeURIComponent(hook)}`];
  const { stderr } = await promisify(execFile)(
    process.execPath,
    [...parameters, "src/main.ts", "--version"],
    { cwd: ROOT },
  );
  expect(stderr).toContain("loads ./gateway.ts");
  expect(stderr).not.toContain("opentelemetry");
});

function makeTraceparent(flags = "01") {
  const traceId = randomBytes(16).toString("hex");
  const spanId = randomBytes(8).toString("hex");
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${flags}` };
}

async function openUpstream() {
  const upstream = await startFaultyUpstream({ token: "canary-token" });
  onTestFinished(() => upstream.close());
  return upstream;
}

/** A gateway in this process, whose traces go to a collector, and how to open another one like it. */
async function openGateway(variables: Readonly<Record<string, string>>) {
  const collector = await startCollector();
  const upstream = await openUpstream();
  const lines: string[] = [];
  const settings = {
    DATABASE_URL: ":memory:",
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    ...variables,
  };
  const log = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  async function open() {
    const gateway = await startGateway(loadConfig({ PORT: "0", ...settings }), { log });
    let closing: Promise<void> | null = null;
    const close = () => (closing ??= gateway.close());
    onTestFinished(close);
    return { ...gateway, close };
  }
  return { collector, upstream, open, gateway: await open(), lines: () => lines };
}

/** Submits a job that has to be accepted, and returns its id. */
async function submit(
  origin: string,
  traceparent: string,
  { deploymentId = "dep", key = "key-1" } = {},
): Promise<string> {
  const options = { variables: { deploymentId, key }, headers: { traceparent } };
  const { submitJob } = await ask(origin, SUBMIT, options);
  if (submitJob.job === undefined) throw new Error(submitJob.message);
  return submitJob.job.id;
}

function connect(origin: string): Client {
  const client = createClient({
    url: `${origin.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
  });
  onTestFinished(() => void client.dispose());
  return client;
}

/** Resolves at the end of the job's stream. */
async function watch(client: Client, id: string, traceparent?: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    client.subscribe(
      { query: print(JobUpdatedDocument), variables: { id }, extensions: { traceparent } },
      { next: () => undefined, error: reject, complete: resolve },
    );
  });
}
