import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { DocumentNode } from "graphql";
import { parse, print } from "graphql";
import { createClient } from "graphql-ws";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";

import { FAULT_NAMES } from "../support/faulty-upstream/faults.ts";
import {
  CancelJobDocument,
  DeleteJobDocument,
  DeploymentDocument,
  DeploymentsDocument,
  JobDocument,
  JobsDocument,
  JobsUpdatedDocument,
  JobUpdatedDocument,
  NodeDocument,
  SubmitJobDocument,
} from "../support/gql/operations.ts";
import { createDatabase, runInPostgres } from "../support/postgres.ts";
import { startCollector } from "../support/otlp-collector.ts";
import { spawnGateway } from "../support/spawn-gateway.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import type { AttackedGateway } from "./attacked-gateway.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const SOON = { timeout: 60_000 };
const AT_ONCE = 8;
/** They hold up all that comes after them, so one of them comes last. */
const LONG_PAUSES: ReadonlySet<string> = new Set([
  "rate-limited",
  "rate-limited-by-date",
  "rate-limited-for-a-day",
  "unavailable-for-a-while",
]);
const LIVE = parse(
  "query Live($id: ID!) { deployment(id: $id) { live { hardware status isEnabled } } viewer { id scopes } }",
);
/** What the faulty upstream says beside outputs and a run's own reason. */
const UPSTREAM_WORDS =
  /vendor's own words|gpu-worker-7|nginx|upstream connect error|10\.0\.0\.7|internal\.example|Too many requests|not yours/;
const INSIDES =
  /node_modules|node:internal|\n\s+at |\.ts:\d|SQLITE|select "|insert into|INTERNAL_SERVER_ERROR/;

test("no secret gets out, whoever asks and whatever fails", { timeout: 120_000 }, async () => {
  const canary = makeCanaries();
  const keysFile = join(await createTemporaryFolder(), "keys.json");
  const alice = createKey(keysFile, "alice-canary");
  const mallory = createKey(keysFile, "mallory");
  const databaseUrl = await createCanaryDatabase(canary);
  const collector = await startCollector();
  const gateway = await startAttackedGateway(
    {
      AUTH: "api-keys",
      API_KEYS_FILE: keysFile,
      DATABASE_URL: databaseUrl,
      SUBMIT_TIMEOUT_SECONDS: "0.5",
      OUTAGE_BACK_OFF_SECONDS: "0.1",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    },
    canary.token,
  );
  onTestFinished(() => gateway.end());
  const owner = createRecorder(gateway, alice);
  const thief = createRecorder(gateway, mallory);
  const { upstream } = gateway;
  const submit = (deploymentId: string) =>
    owner.ask(SubmitJobDocument, { deploymentId, input: { prompt: canary.prompt } });

  // A job that goes well, and its output.
  upstream.script("good", ["in_queue"]);
  const good = toId(await submit("good"));
  await expect.poll(() => upstream.count("status", "good"), SOON).toBeGreaterThan(0);
  const requestId = upstream.requests.find(({ call }) => call === "status")?.requestId ?? "";
  upstream.finish(requestId, { output: { images: [`https://a.example/${canary.output}.png`] } });
  await expect.poll(() => owner.ask(JobDocument, { id: good }), SOON).toContain(canary.output);

  // Writes that Postgres refuses, with the row and the parameters in its error: of an input and of an output.
  await refuseWrites(databaseUrl);
  const unlucky = createRecorder(gateway, alice);
  const submitUnlucky = (deploymentId: string) =>
    unlucky.ask(SubmitJobDocument, { deploymentId, input: { prompt: canary.prompt } });
  expect(await submitUnlucky("refused")).toContain("INTERNAL_SERVER_ERROR");
  upstream.script("unwritable", ["in_queue"]);
  await submitUnlucky("unwritable");
  await expect.poll(() => upstream.count("status", "unwritable"), SOON).toBeGreaterThan(0);
  const unwritten = upstream.requests.find(
    ({ call, deploymentIds }) => call === "status" && deploymentIds.includes("unwritable"),
  );
  upstream.finish(unwritten?.requestId ?? "", { output: { unwritable: [canary.output] } });
  await expect.poll(gateway.process.stderr, SOON).toContain("A poll failed");

  // Every fault, on submits, on polls, and on lists.
  const faults = FAULT_NAMES.filter((name) => !LONG_PAUSES.has(name));
  const ids = faults.flatMap((name) => [
    `fault-${name}`,
    `fault-${name}--polls`,
    `fault-${name}--list`,
  ]);
  const fall = async (id: string): Promise<void> => {
    await expect.poll(() => submit(id).then(() => upstream.count("submit", id)), SOON).not.toBe(0);
    if (id.endsWith("--list")) await owner.ask(LIVE, { id });
  };
  await inTurns(ids, fall);
  const findUnseen = () =>
    faults.filter((name) => upstream.count("status", `fault-${name}--polls`) === 0);
  // What took too long to be submitted is not polled, so it is submitted once more.
  const seeAll = async (): Promise<readonly string[]> => {
    await inTurns(
      findUnseen().map((name) => `fault-${name}--polls`),
      async (id) => void (await submit(id)),
    );
    return findUnseen();
  };
  await expect.poll(seeAll, { ...SOON, interval: 2_000 }).toEqual([]);
  await fall("fault-rate-limited");
  await owner.ask(JobsDocument, { first: 50 });

  // Every operation, by the owner and by another.
  for (const one of [owner, thief]) {
    for (const [document, variables] of toOperations(good, requestId))
      await one.ask(document, variables);
    await one.listen(JobUpdatedDocument, { id: good });
    await one.listen(JobsUpdatedDocument, { after: "" });
    await one.stream(JobUpdatedDocument, { id: good });
  }
  await owner.ask(DeleteJobDocument, { id: good });
  await createRecorder(gateway, `rck_${"a".repeat(16)}_${"b".repeat(43)}`).ask(JobsDocument, {});

  const secrets = [canary.token, canary.password, canary.user, upstream.url, alice, mallory];
  const answers = owner.answers.join("\n");
  expect(answers).toContain(canary.prompt);
  expect(answers).toContain(canary.output);
  for (const secret of secrets) expect(answers + unlucky.answers.join("\n")).not.toContain(secret);
  expect(around(UPSTREAM_WORDS, answers)).toBeNull();
  expect(around(INSIDES, answers)).toBeNull();
  const stolen = thief.answers.join("\n");
  for (const secret of [...secrets, canary.prompt, canary.output, "alice-canary", requestId])
    expect(stolen).not.toContain(secret);
  expect(around(INSIDES, stolen)).toBeNull();
  // The first lines name the upstream's origin and the database without its credentials.
  const log = gateway.process
    .stderr()
    .split("\n")
    .filter((line) => !line.includes("The gateway serves."));
  // What Postgres said of the refused writes is there.
  for (const text of ["An operation failed", "A poll failed"])
    expect(log.filter((line) => line.includes(text)).join()).toMatch(/constraint.*writable/);
  for (const secret of [...secrets, canary.prompt, canary.output])
    expect(log.filter((line) => line.includes(secret))).toEqual([]);
  expect(log.filter((line) => UPSTREAM_WORDS.test(line))).toEqual([]);
  // What is left of the traces leaves at the end.
  await gateway.process.kill("SIGTERM");
  const names = new Set(collector.spans.map(({ name }) => name));
  expect([...names]).toEqual(
    expect.arrayContaining(["mutation", "POST submit", "poll", "GET result", "save jobs"]),
  );
  const traces = collector.text();
  for (const secret of [...secrets, canary.prompt, canary.output, "alice-canary", requestId])
    expect(traces).not.toContain(secret);
  expect(around(UPSTREAM_WORDS, traces)).toBeNull();
  const output = gateway.process.stdout();
  for (const secret of secrets.filter((one) => one !== upstream.url))
    expect(output).not.toContain(secret);
});

test("a database that can't be reached is told of without its credentials", async () => {
  const canary = makeCanaries();
  const gateway = spawnGateway(
    {
      RUNCOMFY_API_TOKEN: canary.token,
      RUNCOMFY_BASE_URL: "http://127.0.0.1:9",
      DATABASE_URL: `postgres://${canary.user}:${canary.password}@127.0.0.1:9/db`,
    },
    { folder: PROJECT },
  );
  onTestFinished(() => gateway.end());
  expect(await gateway.exit).toMatchObject({ code: 1 });
  const printed = gateway.stdout() + gateway.stderr();
  expect(printed).not.toBe("");
  for (const secret of [canary.token, canary.user, canary.password])
    expect(printed).not.toContain(secret);
});

function makeCanaries() {
  const name = (what: string) => `canary${what}${randomUUID().replaceAll("-", "")}`;
  return {
    token: name("token"),
    user: name("user"),
    password: name("password"),
    prompt: name("prompt"),
    output: name("output"),
  };
}

async function createCanaryDatabase({
  user,
  password,
}: ReturnType<typeof makeCanaries>): Promise<string> {
  const database = await createDatabase();
  await runInPostgres(`create role ${user} login superuser password '${password}'`);
  await runInPostgres(`alter role ${user} set log_parameter_max_length_on_error = -1`);
  onTestFinished(async () => {
    await database.drop();
    await runInPostgres(`drop role ${user}`);
  });
  const url = new URL(database.url);
  url.username = user;
  url.password = password;
  return url.href;
}

/** From now on: all jobs of one deployment, and outputs with one field. */
async function refuseWrites(databaseUrl: string): Promise<void> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    await client.query(
      `alter table jobs add constraint writable check (deployment_id <> 'refused') not valid;
       alter table job_documents add constraint writable check (output not like '%unwritable%') not valid`,
    );
  } finally {
    await client.end();
  }
}

function createKey(file: string, owner: string): string {
  const command = [join(PROJECT, "src/manage-keys.ts"), "create", "--owner", owner];
  const env = { PATH: process.env["PATH"], API_KEYS_FILE: file };
  return execFileSync(process.execPath, command, { env, encoding: "utf8", stdio: "pipe" }).trim();
}

/** Asks as the bearer of a key, and keeps all that comes back, headers included. */
function createRecorder({ url }: AttackedGateway, key: string) {
  const answers: string[] = [];
  const post = async (document: DocumentNode, variables: object, accept: string) => {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}`, accept },
      body: JSON.stringify({ query: print(document), variables }),
    });
    const text = await response.text();
    answers.push(JSON.stringify([...response.headers]), text);
    return text;
  };
  return {
    answers,
    ask: (document: DocumentNode, variables: object) =>
      post(document, variables, "application/json"),
    /** Of a job that has ended, as the stream would not end before. */
    stream: (document: DocumentNode, variables: object) =>
      post(document, variables, "text/event-stream"),
    /** The first thing that comes on a socket. */
    async listen(document: DocumentNode, variables: Record<string, unknown>) {
      const client = createClient({
        url: `${url.replace("http", "ws")}/graphql`,
        webSocketImpl: WebSocket,
        connectionParams: { authorization: `Bearer ${key}` },
      });
      const first = await new Promise((resolve) => {
        const complete = (): void => resolve(null);
        client.subscribe(
          { query: print(document), variables },
          { next: resolve, error: resolve, complete },
        );
      });
      answers.push(JSON.stringify(first));
      await client.dispose();
    },
  };
}

function toOperations(id: string, requestId: string): readonly (readonly [DocumentNode, object])[] {
  return [
    [JobDocument, { id }],
    [JobDocument, { id: requestId }],
    [NodeDocument, { id }],
    [NodeDocument, { id: "good" }],
    [JobsDocument, { first: 20 }],
    [JobsDocument, { last: 20, filter: { deploymentId: "good" } }],
    [DeploymentDocument, { id: "good", first: 20 }],
    [DeploymentsDocument, {}],
    [LIVE, { id: "good" }],
    [CancelJobDocument, { id }],
  ];
}

/** The first match with what stands around it: the answers as a whole are too long to read. */
function around(pattern: RegExp, text: string): string | null {
  const place = text.search(pattern);
  return place === -1 ? null : text.slice(Math.max(0, place - 300), place + 300);
}

function toId(answer: string): string {
  return /"id":"(job_[^"]+)"/.exec(answer)?.[1] ?? "";
}

/** Some at a time, in their order. */
async function inTurns(all: readonly string[], act: (one: string) => Promise<void>): Promise<void> {
  const left = [...all];
  const work = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await act(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}
