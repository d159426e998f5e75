import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";

import { AUDIENCE, createSigner, ISSUER, keysOf, sign, startKeyServer } from "../../auth/issuer.ts";
import type { AttackedGateway, Bearer } from "../../attacks/attacked-gateway.ts";
import { startAttackedGateway } from "../../attacks/attacked-gateway.ts";

vi.setConfig({ testTimeout: 120_000 });

/** As large and as deep as may be: parsed, 7 MB. */
const LISTS = `[${`${nest(60)},`.repeat(2_000)}0]`;
const AT_ONCE = 40;
const WAITS = 400;
const OWN_WAITS = 100;
const ALL_WAITS = 1_000;
/** One more than may hold all that one may. */
const OWNERS = Array.from({ length: ALL_WAITS / OWN_WAITS + 1 }, (_, index) => `owner-${index}`);
/** What a wait may hold: its connection, its request's server and its watch. */
const MOST_MIB_A_WAIT = 0.1;
/** What is there for a while after anything, such as compiled code. */
const SPARE_MIB = 8;

let gateway: AttackedGateway;

beforeAll(async () => {
  gateway = await startAttackedGateway();
  gateway.upstream.script("d", ["in_queue"]);
  // Whatever is done for the first time takes longer.
  for (let count = 0; count < 10; count++)
    for (const body of [LIST, submit({ count })]) await send(body);
});

afterAll(() => gateway.end());

test("what was parsed is let go once it is answered", async () => {
  const before = await gateway.readHeldMib();
  for (let count = 0; count < AT_ONCE; count++) await send(PING);
  expect(await gateway.readHeldMib()).toBeLessThan(before + 2 * SPARE_MIB);
});

test("waits of one owner are held up to a limit, hold little, and nothing once their clients have left", async () => {
  const [id] = /job_[0-9a-f]+/.exec(await send(submit({ wait: 1 }))) ?? [];
  const before = await gateway.readHeldMib();
  const leaving = new AbortController();
  let refused = 0;
  const waits = Array.from({ length: WAITS }, async () => {
    const answer = await send(call("wait_for_job", { id }, { progressToken: 1 }), leaving);
    if (answer.includes("QUOTA_EXCEEDED")) refused += 1;
  });
  await expect.poll(() => refused).toBe(WAITS - OWN_WAITS);
  await gateway.expectHeldBelow(before + SPARE_MIB + OWN_WAITS * MOST_MIB_A_WAIT);
  leaving.abort();
  await Promise.allSettled(waits);
  await gateway.expectHeldBelow(before + SPARE_MIB);
  await gateway.expectUnharmed();
});

test("waits of many owners are held up to a limit in all, and hold as little each", async () => {
  const signer = await createSigner();
  const { url } = await startKeyServer(keysOf(signer));
  const jwt = { JWT_JWKS_URL: url, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE };
  const open = await startAttackedGateway({ AUTH: "jwt", MCP: "true", ...jwt });
  onTestFinished(() => open.end());
  open.upstream.script("d", ["in_queue"]);
  const owners = await Promise.all(
    OWNERS.map(async (sub) => {
      const token = await sign(signer, { sub, scope: "jobs:submit jobs:read" });
      const authorization = `Bearer ${token}`;
      const submitted = await send(submit({}), { authorization, to: open });
      return { authorization, id: /job_[0-9a-f]+/.exec(submitted)?.[0] };
    }),
  );
  const before = await open.readHeldMib();
  const leaving = new AbortController();
  let refused = 0;
  const waits = owners.flatMap(({ authorization, id }) =>
    Array.from({ length: OWN_WAITS }, async () => {
      const body = call("wait_for_job", { id }, { progressToken: 1 });
      const answer = await send(body, { authorization, to: open, signal: leaving.signal });
      if (answer.includes("This service holds 1000 waits")) refused += 1;
    }),
  );
  await expect.poll(() => refused, { timeout: 60_000 }).toBe(OWN_WAITS);
  await open.expectHeldBelow(before + SPARE_MIB + ALL_WAITS * MOST_MIB_A_WAIT);
  leaving.abort();
  await Promise.allSettled(waits);
  await open.expectHeldBelow(before + SPARE_MIB);
  await open.expectUnharmed();
});

test("a job whose end a hundred calls wait for is delivered to each", async () => {
  const [id] = /job_[0-9a-f]+/.exec(await send(submit({ wait: 2 }))) ?? [];
  const wait = () => send(call("wait_for_job", { id }, { progressToken: 1 }));
  const waits = Array.from({ length: OWN_WAITS }, wait);
  // It is answered behind those that came before.
  await send(call("get_job", { id }));
  await send(call("cancel_job", { id }));
  const answers = await Promise.all(waits);
  expect(answers.filter((answer) => answer.includes("CANCELLED"))).toHaveLength(OWN_WAITS);
  await gateway.expectUnharmed();
});

const LIST = toMessage("tools/list", {});
const PING = toMessage("ping", { _meta: { lists: "LISTS" } }).replace('"LISTS"', LISTS);

function nest(levels: number): string {
  return `${"[".repeat(levels)}${"]".repeat(levels)}`;
}

function submit(input: unknown): string {
  return call("submit_job", { deployment_id: "d", input });
}

function call(name: string, given: object, meta: object = {}): string {
  return toMessage("tools/call", { name, arguments: given, _meta: meta });
}

function toMessage(method: string, params: object): string {
  return JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
}

/** What is answered to a body, or that its client has left. */
async function send(
  body: string,
  options: { readonly signal?: AbortSignal; readonly to?: AttackedGateway } & Partial<Bearer> = {},
): Promise<string> {
  const { signal, to = gateway, authorization } = options;
  const response = await fetch(`${to.url}/mcp`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...(authorization !== undefined && { authorization }),
    },
    body,
    ...(signal && { signal }),
  });
  return await response.text();
}
