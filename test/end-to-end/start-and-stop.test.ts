import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { copyProject, runGateway } from "../support/gateway-process.ts";
import { JobsDocument, SubmitJobDocument } from "../support/gql/operations.ts";
import { request } from "../support/graphql-client.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const FAILED = { code: 1, signal: null };
const STOPPED = { code: 0, signal: null };

test("a gateway says where it serves, with what upstream and on what database, by parameters that win over the environment, and SIGINT ends it in order", async () => {
  const databaseFile = join(await createTemporaryFolder(), "gateway.db");
  const command = ["node", "src/main.ts", "--port=0", "--database", `file:${databaseFile}`];
  const environment = { PORT: "nine", DATABASE_URL: "file:/nowhere/x.db" };
  const gateway = runGateway(environment, { command });
  const origin = await gateway.url;
  await expect.poll(() => gateway.stdout().split("\n").length).toBe(5);
  // The README sends people to the first of them, and then to the second.
  const [page, graphiql, upstream, database] = gateway.stdout().split("\n");
  expect(page).toMatch(/^Console /);
  expect(page).toContain(origin);
  expect(graphiql).toContain(`${origin}/graphql`);
  expect(upstream).toMatch(/sandbox at http:\/\/127\.0\.0\.1:\d+/);
  expect(database).toContain(databaseFile);
  expect((await fetch(`${origin}/ready`)).status).toBe(200);
  expect(await gateway.kill("SIGINT")).toEqual(STOPPED);
  await expect(fetch(`${origin}/health`)).rejects.toThrow();
  const log = gateway.stderr();
  expect(log).toContain(`"url":"${origin}/graphql"`);
  expect(log).toMatch(/"The gateway stops\."[^]*"The gateway has stopped\."/);
});

test("SIGTERM ends `npm start` once the gateway has stopped, with its exit code", async () => {
  const gateway = runGateway({ DATABASE_URL: ":memory:" }, { command: ["npm", "start"] });
  const origin = await gateway.url;
  expect(await gateway.kill("SIGTERM")).toEqual(STOPPED);
  await expect(fetch(`${origin}/health`)).rejects.toThrow();
  expect(gateway.stderr()).toContain("The gateway has stopped.");
});

test("`npm start -- --help` lists the variables and starts nothing", async () => {
  const gateway = runGateway({ PORT: "nine" }, { command: ["npm", "start", "--", "--help"] });
  expect((await gateway.exit).code).toBe(0);
  for (const name of ["RUNCOMFY_API_TOKEN", "DOCUMENT_COST", "SANDBOX_SPEED", "NODE_ENV"])
    expect(gateway.stdout()).toMatch(new RegExp(`^#?${name}=`, "m"));
  expect(gateway.stdout()).toMatch(/^# npm start -- --port[^]*npm run --silent key -- --help/m);
  expect(gateway.stdout()).toContain("`#NAME=value` is a default.");
  expect(gateway.stderr()).toBe("");
});

test("`npm start` passes on the exit code of a start that is refused, which says how to set variables, and shows no secret", async () => {
  const gateway = runGateway({}, { command: ["npm", "start", "--", "--token=hunter2"] });
  expect((await gateway.exit).code).toBe(1);
  expect(gateway.stderr()).toMatch(/--port, --database.*variables.*npm start -- --help/s);
  expect(gateway.stderr()).not.toContain("hunter2");
});

test("with DRAIN_SECONDS a stop lets /ready fail, serves on for that long, and ends with 0", async () => {
  const gateway = runGateway({ DRAIN_SECONDS: "2" });
  const origin = await gateway.url;
  const stopped = gateway.kill("SIGTERM");
  const ready = async () => await fetch(`${origin}/ready`);
  await expect.poll(async () => (await ready()).status).toBe(503);
  expect(await (await ready()).text()).toContain("Ask another one");
  expect((await fetch(`${origin}/health`)).status).toBe(200);
  const { jobs } = await request(origin, JobsDocument, {});
  expect(jobs.totalCount).toBe(0);
  expect(await stopped).toEqual(STOPPED);
});

test("a database that can't be reached ends the start with one sentence", async () => {
  const gateway = runGateway({ DATABASE_URL: "postgres://root:hunter2@127.0.0.1:1/jobs" });
  expect(await gateway.exit).toEqual(FAILED);
  const lines = gateway.stderr().trimEnd().split("\n");
  expect(lines.filter((line) => !line.startsWith("{"))).toEqual([
    expect.stringContaining("DATABASE_URL"),
  ]);
  expect(gateway.stderr()).not.toContain("hunter2");
});

test("the .env beside package.json is read, the environment beats it, and an empty value counts as unset", async () => {
  const folder = copyProject();
  const wished = join(await createTemporaryFolder(), "wished.db");
  await writeFile(
    join(folder, ".env"),
    `DATABASE_URL=file:${wished}\nLOG_LEVEL=silent\nPORT=nine\nRUNCOMFY_API_TOKEN=\n`,
  );
  const gateway = runGateway({ LOG_LEVEL: "" }, { folder });
  await gateway.url;
  await expect.poll(() => gateway.stdout().split("\n").length).toBe(5);
  expect(gateway.stdout()).toContain(wished);
  expect(gateway.stdout()).toContain("sandbox");
  expect(gateway.stderr()).toBe("");
});

test("a stop with a submit that RunComfy never answers ends with 0, answers the caller, and sends it once", async () => {
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const gateway = runGateway({
    DATABASE_URL: ":memory:",
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
    SUBMIT_TIMEOUT_SECONDS: "60",
  });
  upstream.hold("submit");
  const input = { prompt: "Glow" };
  const submission = { deploymentId: "warm-glow", input, idempotencyKey: "key" };
  const answer = request(await gateway.url, SubmitJobDocument, submission);
  await upstream.whenRequested("submit", 1);
  expect(await gateway.kill("SIGTERM")).toEqual(STOPPED);
  const unknown = { __typename: "UpstreamError", code: "SUBMISSION_UNKNOWN" };
  expect((await answer).submitJob).toMatchObject(unknown);
  expect(upstream.count("submit")).toBe(1);
});
