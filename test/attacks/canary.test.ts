import { randomUUID } from "node:crypto";

import type { DocumentNode } from "graphql";
import { parse, print } from "graphql";
import { expect, onTestFinished, test } from "vitest";

import { FAULT_NAMES, findFault } from "../support/faulty-upstream/faults.ts";
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
import { createDatabase, runIn, runInPostgres } from "../support/postgres.ts";
import { loadFromParts } from "../support/load-from-parts.ts";
import { runGateway } from "../support/gateway-process.ts";
import { connect, run } from "../server/open-socket.ts";
import { post } from "../server/serve.ts";
import { Semaphore } from "../../src/runtime/semaphore.ts";
import type { AttackedGateway, Bearer } from "./attacked-gateway.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";
import type { Canary } from "./canary.ts";

const SOON = { timeout: 60_000, interval: 200 };
/** They hold up all that comes after them, so one of them comes last. */
const LONG_PAUSES: ReadonlySet<string> = new Set(["rate-limited", "unavailable-for-a-while"]);
const LIVE = parse(
  "query Live($id: ID!) { deployment(id: $id) { live { hardware status isEnabled } } viewer { id scopes } }",
);
/** What the faulty upstream says beside outputs and a run's own reason. */
const UPSTREAM_WORDS =
  /vendor's own words|gpu-worker-7|nginx|upstream connect error|10\.0\.0\.7|internal\.example|Too many requests|not yours/;
const INSIDES =
  /node_modules|node:internal|\n\s+at |\.ts:\d|SQLITE|select "|insert into|INTERNAL_SERVER_ERROR/;

/** What leaves by parts. */
const OF_PARTS = await loadFromParts<{ readonly openCanary: () => Promise<Canary> }>("canary.ts");

test("no secret gets out, no matter who asks and what fails", { timeout: 120_000 }, async () => {
  const canary = makeCanaries();
  const databaseUrl = await createCanaryDatabase(canary);
  const ofParts = await Promise.all(OF_PARTS.map(({ openCanary }) => openCanary()));
  const gateway = await startAttackedGateway(
    {
      AUTH: "api-keys",
      DATABASE_URL: databaseUrl,
      SUBMIT_TIMEOUT_SECONDS: "0.5",
      OUTAGE_BACK_OFF_SECONDS: "0.1",
      ...Object.assign({}, ...ofParts.map(({ environment }) => environment)),
    },
    canary.token,
  );
  onTestFinished(() => gateway.end());
  const { upstream, createKey } = gateway;
  const [alice, mallory] = [await createKey("alice-canary"), await createKey("mallory")];
  const owner = createRecorder(gateway, alice);
  const thief = createRecorder(gateway, mallory);
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
  await runIn(databaseUrl, REFUSE_WRITES);
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

  // Every fault, by turns on submits, on polls, and on lists, as far as it is made for them.
  const faults = FAULT_NAMES.filter((name) => !LONG_PAUSES.has(name));
  const ids = faults.map((name, index) => {
    const { on } = findFault(name);
    if (on.includes("submit") && (index % 3 === 0 || on.length === 1)) return `fault-${name}`;
    if (on.includes("list") && (index % 3 === 1 || on.length === 1)) return `fault-${name}--list`;
    return `fault-${name}--polls`;
  });
  const fall = async (id: string): Promise<void> => {
    await expect.poll(() => submit(id).then(() => upstream.count("submit", id)), SOON).not.toBe(0);
    if (id.endsWith("--list")) await owner.ask(LIVE, { id });
  };
  const slots = new Semaphore({ atOnce: 8, maxWaiting: Infinity });
  await Promise.all(ids.map((id) => slots.run(() => fall(id))));
  const findUnseen = () =>
    ids.filter((id) => id.endsWith("--polls") && upstream.count("status", id) === 0);
  // What took too long to be submitted is not polled, so it is submitted once more.
  const seeAll = async (): Promise<readonly string[]> => {
    await Promise.all(findUnseen().map((id) => slots.run(() => submit(id))));
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
    // The stream ends, as the job has ended.
    await one.ask(JobUpdatedDocument, { id: good }, "text/event-stream");
  }
  await owner.ask(DeleteJobDocument, { id: good });
  const unknown = { authorization: `Bearer rck_${"a".repeat(16)}_${"b".repeat(43)}` };
  await createRecorder(gateway, unknown).ask(JobsDocument, {});

  const keys = [alice, mallory].map(({ authorization }) => authorization.replace("Bearer ", ""));
  const secrets = [canary.token, canary.password, canary.user, upstream.url, ...keys];
  const answers = owner.answers.join("\n");
  expect(answers).toContain(canary.prompt);
  expect(answers).toContain(canary.output);
  for (const secret of secrets) expect(answers + unlucky.answers.join("\n")).not.toContain(secret);
  // What Postgres said is for the log alone.
  expect(unlucky.answers.join("\n")).not.toContain("constraint");
  expect(around(UPSTREAM_WORDS, answers)).toBeNull();
  expect(around(INSIDES, answers)).toBeNull();
  const stolen = thief.answers.join("\n");
  for (const secret of [...secrets, canary.prompt, canary.output, "alice-canary", requestId])
    expect(stolen).not.toContain(secret);
  expect(around(INSIDES, stolen)).toBeNull();
  // The first lines name the upstream's origin and the database without its credentials.
  const lines = gateway.process.stderr().split("\n");
  const log = lines.filter((line) => !line.includes("The gateway serves."));
  // What Postgres said of the refused writes is there.
  for (const text of ["An operation failed", "A poll failed"])
    expect(log.filter((line) => line.includes(text)).join()).toMatch(/constraint.*writable/);
  for (const secret of [...secrets, canary.prompt, canary.output])
    expect(log.filter((line) => line.includes(secret))).toEqual([]);
  expect(log.filter((line) => UPSTREAM_WORDS.test(line))).toEqual([]);
  await gateway.process.kill("SIGTERM");
  const left = ofParts.map((part) => part.read()).join("\n");
  for (const secret of [...secrets, canary.prompt, canary.output, "alice-canary", requestId])
    expect(left).not.toContain(secret);
  expect(around(UPSTREAM_WORDS, left)).toBeNull();
  const output = gateway.process.stdout();
  for (const secret of secrets.filter((one) => one !== upstream.url))
    expect(output).not.toContain(secret);
});

test("a database that can't be reached is reported without its credentials", async () => {
  const canary = makeCanaries();
  const gateway = runGateway({
    RUNCOMFY_API_TOKEN: canary.token,
    RUNCOMFY_BASE_URL: "http://127.0.0.1:9",
    DATABASE_URL: `postgres://${canary.user}:${canary.password}@127.0.0.1:9/db`,
  });
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

async function createCanaryDatabase(canary: ReturnType<typeof makeCanaries>): Promise<string> {
  const { user, password } = canary;
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
const REFUSE_WRITES = `
  alter table jobs add constraint writable check (deployment_id <> 'refused') not valid;
  alter table job_documents add constraint writable check (output not like '%unwritable%') not valid`;

/** Asks as the bearer of a key, and keeps all that comes back, headers included. */
function createRecorder({ url }: AttackedGateway, { authorization }: Bearer) {
  const answers: string[] = [];
  return {
    answers,
    async ask(document: DocumentNode, variables: object, accept = "application/json") {
      const headers = { authorization, accept };
      const response = await post(`${url}/graphql`, { query: print(document), variables }, headers);
      const text = await response.text();
      answers.push(JSON.stringify([...response.headers]), text);
      return text;
    },
    /** The first thing that comes on a socket. */
    async listen(document: DocumentNode, variables: Record<string, unknown>) {
      const client = connect(`${url}/graphql`, { connectionParams: { authorization } });
      answers.push(JSON.stringify(await run(client, { query: print(document), variables })));
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
