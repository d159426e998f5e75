import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { copyProject, runGateway } from "../support/gateway-process.ts";
import { JobsDocument, SubmitJobDocument } from "../support/gql/operations.ts";
import { request } from "../support/graphql-client.ts";
import { listen } from "../support/listen.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const FAILED = { code: 1, signal: null };
const STOPPED = { code: 0, signal: null };

test("a gateway says in four lines where it serves, with what upstream and on what database, and SIGTERM ends it in order", async () => {
  const databaseFile = join(await createTemporaryFolder(), "gateway.db");
  const gateway = runGateway({ DATABASE_URL: `file:${databaseFile}` });
  const origin = await gateway.url;
  await expect.poll(() => gateway.stdout().split("\n").length).toBe(5);
  const [page, graphiql, upstream, database] = gateway.stdout().split("\n");
  expect(page).toContain(origin);
  expect(graphiql).toContain(`${origin}/graphql`);
  expect(upstream).toMatch(/sandbox at http:\/\/127\.0\.0\.1:\d+/);
  expect(database).toContain(databaseFile);
  expect((await fetch(`${origin}/ready`)).status).toBe(200);
  expect(await gateway.kill("SIGTERM")).toEqual(STOPPED);
  await expect(fetch(`${origin}/health`)).rejects.toThrow();
  const log = gateway.stderr();
  expect(log).toContain(`"url":"${origin}/graphql"`);
  expect(log).toMatch(/"The gateway stops\."[^]*"The gateway has stopped\."/);
});

test("--port and --database win over the environment, metrics say where they are, and SIGINT ends it in order", async () => {
  const command = ["node", "src/main.ts", "--port=0", "--database", ":memory:"];
  const environment = { PORT: "nine", DATABASE_URL: "file:/nowhere/x.db", METRICS_PORT: "0" };
  const gateway = runGateway(environment, { command });
  expect((await fetch(`${await gateway.url}/ready`)).status).toBe(200);
  const findMetrics = () => /^Metrics +(http:\S+)$/m.exec(gateway.stdout())?.[1];
  await expect.poll(findMetrics).toBeDefined();
  const metrics = await fetch(findMetrics() ?? "");
  expect(await metrics.text()).toContain("runcomfy_gateway_build_info");
  await expect.poll(() => gateway.stdout()).toContain("in memory");
  expect(await gateway.kill("SIGINT")).toEqual(STOPPED);
});

test("SIGTERM ends `npm start` in order, with nothing left behind", async () => {
  const gateway = runGateway({ DATABASE_URL: ":memory:" }, { command: ["npm", "start"] });
  const origin = await gateway.url;
  // npm ends as its shell does: dash dies of the signal, others have made way for the gateway.
  const ends = [STOPPED, { code: null, signal: "SIGTERM" }];
  expect(ends).toContainEqual(await gateway.kill("SIGTERM"));
  await expect(fetch(`${origin}/health`)).rejects.toThrow();
  expect(gateway.stderr()).toContain("The gateway has stopped.");
});

test("`npm start` passes on the exit code of a start that failed", async () => {
  const gateway = runGateway({ PORT: "nine" }, { command: ["npm", "start"] });
  expect((await gateway.exit).code).toBe(1);
  expect(gateway.stderr()).toContain("PORT must be a port");
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

test("a parameter that is unknown or lacks its value is refused, with how settings are made", async () => {
  for (const parameter of ["4100", "--token=hunter2", "--port"]) {
    const gateway = runGateway({}, { command: ["node", "src/main.ts", parameter] });
    expect(await gateway.exit).toEqual(FAILED);
    expect(gateway.stderr()).toMatch(/--port, --database.*variables.*npm start -- --help/s);
    expect(gateway.stderr()).not.toContain("hunter2");
    expect(gateway.stdout()).toBe("");
  }
});

test("with DRAIN_SECONDS a stop lets /ready fail, serves on for that long, and ends with 0", async () => {
  const gateway = runGateway({ DRAIN_SECONDS: "3" });
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

test("a second gateway on one SQLite file is told to use Postgres, and after kill -9 of the first the file opens at once", async () => {
  const environment = { DATABASE_URL: `file:${join(await createTemporaryFolder(), "gateway.db")}` };
  const first = runGateway(environment);
  const origin = await first.url;
  const second = runGateway(environment);
  expect(await second.exit).toEqual(FAILED);
  expect(second.stderr()).toContain("Postgres");
  expect((await fetch(`${origin}/ready`)).status).toBe(200);
  await first.kill("SIGKILL");
  const last = runGateway(environment);
  await last.url;
  expect(await last.kill("SIGTERM")).toEqual(STOPPED);
});

test("a port in use is named, with what to do", async () => {
  const { port } = await listen(createServer());
  const gateway = runGateway({ PORT: String(port), DATABASE_URL: ":memory:" });
  expect(await gateway.exit).toEqual(FAILED);
  expect(gateway.stderr()).toMatch(new RegExp(`Port ${port} .* in use.*PORT`));
});

test("everything that is wrong with the environment is listed at once, and no secret among it", async () => {
  const wrong = {
    PORT: "80000",
    DATABASE_URL: "mysql://root:hunter2@localhost/jobs",
    RUNCOMFY_API_TOKEN: "hunter2 and more",
    RUNCOMFY_BASE_URL: "http://example.com",
    JOB_DEADLINE_SECONDS: "soon",
    LOG_LEVEL: "loud",
  };
  const gateway = runGateway(wrong);
  expect(await gateway.exit).toEqual(FAILED);
  for (const name of Object.keys(wrong)) expect(gateway.stderr()).toContain(name);
  expect(gateway.stderr()).not.toContain("hunter2");
  expect(gateway.stdout()).toBe("");
});

test.each([
  { name: "a Postgres that is not there", url: "postgres://root:hunter2@127.0.0.1:1/jobs" },
  { name: "a path below a file", url: "file:FOLDER/notes.txt/gateway.db" },
  { name: "a file that is no database", url: "file:FOLDER/notes.txt" },
])("a DATABASE_URL with $name ends the start with one sentence", async ({ url: template }) => {
  // A folder of its own, because the lock is made beside whatever is named.
  const folder = await createTemporaryFolder();
  await writeFile(join(folder, "notes.txt"), "Bread, milk, and a warm glow.\n".repeat(200));
  const url = template.replace("FOLDER", folder);
  const gateway = runGateway({ DATABASE_URL: url, SANDBOX_DATA: await createTemporaryFolder() });
  expect(await gateway.exit).toEqual(FAILED);
  const lines = gateway
    .stderr()
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("{"));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("DATABASE_URL");
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

test("a .env that is a directory ends the start with one sentence", async () => {
  const folder = copyProject();
  await mkdir(join(folder, ".env"));
  const gateway = runGateway({}, { folder });
  expect(await gateway.exit).toEqual(FAILED);
  expect(gateway.stderr()).toMatch(/^The file \.env .*EISDIR.*\n$/);
});

test("a stop with a submit that RunComfy never answers ends with 0, tells the caller, and sends it once", async () => {
  const databaseFile = join(await createTemporaryFolder(), "gateway.db");
  const upstream = await startFaultyUpstream();
  onTestFinished(() => upstream.close());
  const environment = {
    DATABASE_URL: `file:${databaseFile}`,
    RUNCOMFY_BASE_URL: upstream.url,
    RUNCOMFY_API_TOKEN: upstream.token,
    SUBMIT_TIMEOUT_SECONDS: "60",
  };
  const gateway = runGateway(environment);
  upstream.hold("submit");
  const input = { prompt: "Glow" };
  const submission = { deploymentId: "warm-glow", input, idempotencyKey: "key" };
  const answer = request(await gateway.url, SubmitJobDocument, submission);
  await upstream.whenRequested("submit", 1);
  expect(await gateway.kill("SIGTERM")).toEqual(STOPPED);
  const unknown = { __typename: "UpstreamError", code: "SUBMISSION_UNKNOWN" };
  expect((await answer).submitJob).toMatchObject(unknown);
  const next = runGateway(environment);
  const again = await request(await next.url, SubmitJobDocument, submission);
  expect(again.submitJob).toMatchObject(unknown);
  expect(upstream.count("submit")).toBe(1);
});
