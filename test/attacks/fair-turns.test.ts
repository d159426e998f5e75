import { afterAll, beforeAll, expect, test } from "vitest";

import type { AttackedGateway } from "./attacked-gateway.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";

const AT_ONCE = 4;
const TIMEOUT = { timeout: 120_000 };
const RESULT = "{ ... on SubmitJobSuccess { job { id } } ... on Error { message } }";

let gateway: AttackedGateway;

beforeAll(async () => {
  gateway = await startAttackedGateway({ SUBMIT_TIMEOUT_SECONDS: "10" });
  gateway.upstream.script("d", ["in_queue"]);
  // Whatever is done for the first time takes longer.
  for (let count = 0; count < 20; count++) await submit(`warm-${count}`, { a: [count] });
});

afterAll(() => gateway.end());

test.each([
  ["a text", { prompt: "x".repeat(250_000) }],
  ["many members", toMembers(22_000)],
  ["many values", { values: Array.from({ length: 80_000 }, () => []) }],
  ["many values far below", { values: nest(40_000) }],
])(
  "large inputs of %s that are run again under a known key hold no turn",
  TIMEOUT,
  async (what, input) => {
    const id = await submit(what, input);
    const again = (count: number) => `a${count}: rerunJob(id: "${id}", idempotencyKey: "${what}")`;
    const query = `mutation { ${tenTimes((count) => `${again(count)} ${RESULT}`)} }`;
    await expectShortTurns(() => ask({ query }));
  },
);

test("large inputs that are submitted under a known key hold no turn", TIMEOUT, async () => {
  const input = toMembers(10_000);
  await submit("many", input);
  const fields = tenTimes(
    (count) =>
      `a${count}: submitJob(deploymentId: "d", input: $input, idempotencyKey: "many") ${RESULT}`,
  );
  await expectShortTurns(() =>
    ask({ query: `mutation ($input: JSON!) { ${fields} }`, variables: { input } }),
  );
});

test("large inputs that are submitted at once hold no turn", TIMEOUT, async () => {
  const fields = tenTimes(
    (count) => `a${count}: submitJob(deploymentId: "d", input: $input) ${RESULT}`,
  );
  const variables = { input: { ...toMembers(10_000), prompt: "a".repeat(4_000) } };
  await expectShortTurns(() => ask({ query: `mutation ($input: JSON!) { ${fields} }`, variables }));
});

test("an operation has at most 10 mutations, however they are written", TIMEOUT, async () => {
  const many = Array.from(
    { length: 11 },
    (_, count) => `a${count}: deleteJob(id: "x") { __typename }`,
  );
  const [first, ...others] = many;
  for (const query of [
    `mutation { ${many.join(" ")} }`,
    `mutation { ${first} ...Others } fragment Others on Mutation { ... { ${others.join(" ")} } }`,
    `mutation A { ${first} } mutation B { ${many.join(" ")} }`,
  ]) {
    const { errors } = JSON.parse(
      await ask({ query, operationName: query.includes("B") ? "B" : null }),
    );
    expect(errors).toEqual([
      expect.objectContaining({
        message:
          "The operation has 11 mutations, and may have 10. Send the others in further requests.",
        extensions: { code: "DOCUMENT_TOO_LARGE", limit: 10 },
      }),
    ]);
  }
  const ten = `mutation { ${others.join(" ")} ${others.join(" ")} __typename }`;
  expect(JSON.parse(await ask({ query: ten }))).toMatchObject({ data: { a1: {}, a10: {} } });
});

test(
  "many who cancel jobs that are being submitted hold no turn, and are all answered",
  TIMEOUT,
  async () => {
    const release = gateway.upstream.hold("submit");
    const before = gateway.upstream.count("submit");
    const submits = Array.from({ length: 10 }, (_, count) => submit(`held-${count}`, { count }));
    await gateway.upstream.whenRequested("submit", before + 10);
    const { data } = JSON.parse(
      await ask({
        query: `{ jobs(first: 10, filter: { status: [SUBMITTING] }) { edges { node { id } } } }`,
      }),
    );
    const ids = data.jobs.edges.map(({ node }: { node: { id: string } }) => node.id);
    expect(ids).toHaveLength(10);
    const query = `mutation ($ids: [ID!]!) { cancelJobs(ids: $ids) { __typename ... on Error { message } } }`;
    const cancels: Promise<string>[] = [];
    await expectShortTurns(async () => {
      for (let count = 0; count < 200; count++) cancels.push(ask({ query, variables: { ids } }));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }, 1);
    const already = gateway.upstream.count("cancel");
    await expectShortTurns(async () => {
      release();
      return await Promise.all(cancels);
    }, 1);
    await Promise.all(submits);
    expect(new Set(await Promise.all(cancels))).toHaveProperty("size", 1);
    expect(await cancels[0]).toContain("CancelJobSuccess");
    expect(gateway.upstream.count("cancel")).toBe(already + 10);
  },
);

async function expectShortTurns(attack: () => Promise<unknown>, atOnce = AT_ONCE): Promise<void> {
  await gateway.expectShortTurns(async () => {
    await Promise.all(Array.from({ length: atOnce }, attack));
  });
  await gateway.expectUnharmed();
}

async function submit(idempotencyKey: string, input: object): Promise<string> {
  const query = `mutation ($input: JSON!, $key: String) {
    submitJob(deploymentId: "d", input: $input, idempotencyKey: $key) ${RESULT}
  }`;
  const text = await ask({ query, variables: { input, key: idempotencyKey } });
  const id = /"job_[0-9a-f]+"/.exec(text)?.[0];
  if (id === undefined) throw new Error(text.slice(0, 1_000));
  return JSON.parse(id);
}

async function ask(body: object): Promise<string> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return await response.text();
}

function tenTimes(toText: (count: number) => string): string {
  return Array.from({ length: 10 }, (_, count) => toText(count)).join(" ");
}

function toMembers(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${10_000 + index}`, 1]));
}

function nest(values: number): unknown {
  let nested: unknown = Array.from({ length: values }, () => 0);
  for (let level = 0; level < 60; level++) nested = [nested];
  return nested;
}
