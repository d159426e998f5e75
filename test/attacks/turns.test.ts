import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { greetRaw, openConnection } from "../server/open-socket.ts";
import type { AttackedGateway } from "./attacked-gateway.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";

vi.setConfig({ testTimeout: 120_000 });

const RESULT = "{ ... on SubmitJobSuccess { job { id } } ... on Error { message } }";
const SCHEMA = "{ __schema { types { description fields { name description } } } }";
const MAX_DOCUMENT_LENGTH = 10_000;
/** How many connections send documents; of each kind, V8 compiles what validates them when it has run a few times. */
const CONNECTIONS = 6;
const FIRST = 5;
/** What reads nothing, and how often each asks; of an answer, which is of 60 KB, there must be a few in memory. */
const SOCKETS = 12;
const QUERIES = 200;
const OTHERS = 12;
const MAX_UNREAD_MIB = 64;

let gateway: AttackedGateway;

beforeAll(async () => {
  gateway = await startAttackedGateway({ SUBMIT_TIMEOUT_SECONDS: "10" });
  gateway.upstream.script("d", ["in_queue"]);
  // Whatever is done for the first time takes longer.
  for (let count = 0; count < 10; count++) await submit(`warm-${count}`, { a: [count] });
  // The second time a document is compiled.
  for (const _ of [1, 2]) await gateway.ask(SCHEMA);
});

afterAll(() => gateway.end());

test.each([
  ["of many members", toMembers(22_000)],
  ["of many values far below", { values: nest(40_000) }],
])(
  "large inputs %s that are submitted, or run again, under a known key hold no turn",
  async (what, input) => {
    const id = await submit(what, input);
    await expectShortTurns(() => [
      `mutation { ${fiveTimes(`rerunJob(id: "${id}", idempotencyKey: "${what}") ${RESULT}`)} }`,
      toSubmits(input, `, idempotencyKey: "${what}"`),
    ]);
  },
);

test("large inputs that are submitted at once hold no turn", async () => {
  const input = { ...toMembers(10_000), prompt: "a".repeat(4_000) };
  await expectShortTurns(() => [toSubmits(input), toSubmits(input)]);
});

test("a hundred submits in one mutation hold no turn, also under known keys, and neither do edits, cancels and deletes of them", async () => {
  const toBody = (attempt: number) => {
    const items = Array.from({ length: 100 }, (_, index) => ({
      deploymentId: "d",
      input: { ...toMembers(150), index },
      idempotencyKey: `many-${attempt}-${index}`,
      tags: ["many"],
    }));
    const query = `mutation ($items: [SubmitJobItem!]!) { submitJobs(items: $items) ${RESULT} }`;
    return { query, variables: { items } };
  };
  const toMatching = (field: string) =>
    `mutation { ${field}(filter: { tag: "many" }, createdBefore: "2099-01-01T00:00:00Z") { done } }`;
  await expectShortTurns((attempt) => [toBody(attempt), toBody(attempt)]);
  const listed = await gateway.ask(
    '{ jobs(first: 100, filter: { tag: "many" }) { edges { node { id } } } }',
  );
  const ids = listed.match(/job_[0-9a-f]{32}/g);
  const toEdit = (isStarred: boolean) => ({
    query: `mutation ($ids: [ID!]!) {
      editJobs(ids: $ids, addTags: ["x"], isStarred: ${isStarred}) { __typename }
    }`,
    variables: { ids },
  });
  await expectShortTurns(() => [toEdit(true), toEdit(false)]);
  for (const one of [toBody(1), toMatching("cancelMatchingJobs"), toMatching("deleteMatchingJobs")])
    await expectShortTurns(() => [one, one]);
  expect(await gateway.ask('{ jobs(filter: { tag: "many" }) { totalCount } }')).toContain(":0");
});

test("many who cancel jobs that are being submitted hold no turn, and are all answered", async () => {
  const { upstream } = gateway;
  const query = `mutation ($ids: [ID!]!) { cancelJobs(ids: $ids) { __typename ... on Error { message } } }`;
  await gateway.expectShortTurns(async (attempt, begin) => {
    const release = upstream.hold("submit");
    const before = upstream.count("submit");
    const submits = Array.from({ length: 10 }, (_, count) =>
      submit(`held-${attempt}-${count}`, { count }),
    );
    await upstream.whenRequested("submit", before + 10);
    const listed = await gateway.ask(
      `{ jobs(first: 10, filter: { status: [SUBMITTING] }) { edges { node { id } } } }`,
    );
    const ids = listed.match(/job_[0-9a-f]+/g);
    expect(ids).toHaveLength(10);
    await begin();
    const cancels = Array.from({ length: 60 }, () => gateway.ask({ query, variables: { ids } }));
    await sleep(1_000);
    const already = upstream.count("cancel");
    release();
    const answers = await Promise.all(cancels);
    await Promise.all(submits);
    expect(new Set(answers)).toHaveProperty("size", 1);
    expect(answers[0]).toContain("CancelJobSuccess");
    expect(upstream.count("cancel")).toBe(already + 10);
  });
  await gateway.expectUnharmed();
});

type ToDocument = (index: number) => string;
/** Opens a connection; what it gives asks for a document, and resolves with how the answer begins. */
type Connect = () => Promise<(query: string) => Promise<string>>;

const toValid: ToDocument = (index) => fill(`query Q${index} {`, (at) => `a${at}:viewer{id}`, "}");

const toValues: ToDocument = (index) => {
  const head = `mutation M${index} {submitJob(deploymentId:"d",input:{`;
  return fill(head, (at) => `a${at}:1 `, "}){__typename}}");
};

/** As long as a document may be, and expensive to validate; none comes twice. */
const DOCUMENTS: readonly (readonly [string, Connect, ToDocument])[] = [
  ["valid", byPost, toValid],
  ["full of values", byPost, toValues],
  ["for event streams", () => byPost("text/event-stream"), (at) => toValid(at + 1_000)],
  ["on sockets", onSocket, (at) => toValid(at + 2_000)],
];

test.each(DOCUMENTS)(
  "new documents of one owner, %s, take no turn for long, and neither do they when they come again",
  async (_what, connect, toDocument) => {
    const asks = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect()));
    for (let index = 0; index < FIRST; index += 1) await asks[0]?.(toDocument(index));
    const answers = await gateway.expectShortTurns(async (attempt) => {
      const askAll = () =>
        Promise.all(asks.map((ask, index) => ask(toDocument(attempt * CONNECTIONS + index))));
      return [...(await askAll()), ...(await askAll())];
    });
    expect(answers.join("")).not.toContain("DOCUMENT_TOO_LARGE");
  },
);

test.each([["hang up"], ["stay"]])(
  "sockets that each ask many times, read nothing and %s take no turn for long, and little memory",
  async (how) => {
    const before = await gateway.readHeldMib();
    await gateway.expectShortTurns(async (_attempt, begin) => {
      const sockets = await Promise.all(
        Array.from({ length: SOCKETS }, () => greetRaw(gateway.port)),
      );
      await begin();
      for (const { socket, say } of sockets) {
        socket.pause();
        for (let id = 0; id < QUERIES; id += 1)
          say({ type: "subscribe", id: String(id), payload: { query: SCHEMA } });
      }
      for (let count = 0; count < OTHERS; count++) {
        // By then some were answered, and most wait.
        if (how === "hang up" && count === OTHERS / 4)
          for (const { socket } of sockets) socket.destroy();
        expect(await gateway.ask("{ __typename }")).toContain('"Query"');
      }
    });
    expect(await gateway.readHeldMib()).toBeLessThan(before + MAX_UNREAD_MIB);
  },
);

async function expectShortTurns(
  toBodies: (attempt: number) => readonly (string | object)[],
): Promise<void> {
  await gateway.expectShortTurns((attempt) =>
    Promise.all(toBodies(attempt).map((body) => gateway.ask(body))),
  );
  await gateway.expectUnharmed();
}

function toSubmits(input: object, key = ""): object {
  const submit = `submitJob(deploymentId: "d", input: $input${key}) ${RESULT}`;
  return { query: `mutation ($input: JSON!) { ${fiveTimes(submit)} }`, variables: { input } };
}

async function submit(key: string, input: object): Promise<string> {
  const query = `mutation ($input: JSON!, $key: String) {
    submitJob(deploymentId: "d", input: $input, idempotencyKey: $key) ${RESULT}
  }`;
  const text = await gateway.ask({ query, variables: { input, key } });
  const [id] = /job_[0-9a-f]+/.exec(text) ?? [];
  if (id === undefined) throw new Error(text.slice(0, 1_000));
  return id;
}

function fiveTimes(field: string): string {
  return Array.from({ length: 5 }, (_, at) => `a${at}: ${field}`).join(" ");
}

function toMembers(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${10_000 + index}`, 1]));
}

function nest(values: number): unknown {
  let nested: unknown = Array.from({ length: values }, () => 0);
  for (let level = 0; level < 60; level++) nested = [nested];
  return nested;
}

async function byPost(accept = "application/json"): ReturnType<Connect> {
  const socket = await openConnection(gateway.port);
  return async (query) => {
    const body = JSON.stringify({ query });
    const head = `POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\nContent-Type: application/json`;
    const answer = once(socket, "data");
    socket.write(`${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    return String(await answer);
  };
}

async function onSocket(): ReturnType<Connect> {
  const { messages, say } = await greetRaw(gateway.port);
  return async (query) => {
    const answers = messages.length;
    say({ type: "subscribe", id: `${answers}`, payload: { query } });
    await expect
      .poll(() => messages.length, { timeout: 20_000, interval: 5 })
      .toBeGreaterThan(answers);
    return messages[answers] ?? "";
  };
}

function fill(head: string, toPart: (at: number) => string, tail: string): string {
  let text = head;
  for (let at = 0; ; at += 1) {
    const part = toPart(at);
    if (text.length + part.length + tail.length > MAX_DOCUMENT_LENGTH) return text + tail;
    text += part;
  }
}
