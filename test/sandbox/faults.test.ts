import { startSandbox } from "runcomfy-sandbox";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import file from "../../sandbox/src/deployments.json" with { type: "json" };
import { readPage } from "../support/pages.ts";

const DEPLOYMENT = `/prod/v1/deployments/${file.deployments[1]?.id}`;
const ACCEPTED = z.object({ request_id: z.string() });
const HEADERS = { authorization: "Bearer sandbox", connection: "close" };
/** The names in the first table of the page. */
const [page = ""] = readPage("sandbox/README.md").split("## Shapes");
const NAMES = Array.from(page.matchAll(/^\| `([\w-]+)` /gm), ([, name = ""]) => name);

/** An answer that is slow takes a tenth of a second, and one that never comes is given up after `patienceMs`. */
async function start(faults: readonly string[] = [], speed = 100, patienceMs = 10_000) {
  const sandbox = await startSandbox({
    ...{ port: 0, token: "sandbox", speed, dataFolder: null, faults },
  });
  onTestFinished(() => sandbox.close());
  const call = (path: string, body?: object, method = body && "POST") =>
    fetch(`${sandbox.url}${path}`, {
      headers: HEADERS,
      signal: AbortSignal.timeout(patienceMs),
      ...(method !== undefined && { method, body: JSON.stringify(body) }),
    });
  const submit = () => call(`${DEPLOYMENT}/inference`, { prompt: "A lantern" });
  return { ...sandbox, call, submit, list: () => call("/prod/v2/deployments") };
}

/** What a client makes of an answer: its status and whether it is whole JSON, or why there is none. */
async function read(answer: Promise<Response>): Promise<string> {
  try {
    const response = await answer;
    const text = await response.text();
    return `${response.status} ${text.startsWith("{") || text.startsWith("[") ? "json" : "other"}`;
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

test("each fault of the page does what it says, and ends with the next", async () => {
  const { list, setFaults } = await start([], 100, 1_000);
  const seen: Record<string, string> = {};
  for (const name of NAMES) {
    setFaults([`${name}:list`]);
    seen[name] = await read(list());
  }
  expect(seen).toEqual({
    "error-500": "500 json",
    "error-200": "200 json",
    "html-502": "502 other",
    "unavailable-503": "503 json",
    "rate-limited-429": "429 json",
    "unauthorized-401": "401 json",
    "unauthorized-400": "400 json",
    "forbidden-403": "403 json",
    "not-found-404": "404 json",
    "no-funds-400": "400 json",
    "no-funds-402": "402 json",
    "not-json": "200 json",
    "no-connection": "TypeError",
    "lost-answer": "TypeError",
    "half-answer": "TypeError",
    "no-answer": "TimeoutError",
    "slow-answer": "200 json",
    "failed-job": "200 json",
  });
  setFaults(["not-json"]);
  await expect((await list()).json()).rejects.toThrow(SyntaxError);
  setFaults([]);
  expect(await read(list())).toBe("200 json");
});

test("a slow answer comes after those to later calls", async () => {
  const { list } = await start(["slow-answer:list*1"], 0.01);
  const answered: number[] = [];
  const lists = [list(), list()].map((answer) =>
    answer.then(
      ({ status }) => answered.push(status),
      () => undefined,
    ),
  );
  await Promise.race(lists);
  expect((await list()).status).toBe(200);
  expect(answered).toEqual([200]);
});

test.each([
  ["lost-answer", "was accepted", 1],
  ["no-connection", "was not", 0],
])("a job whose submit falls into %s %s", async (fault, _title, position) => {
  const { call, submit } = await start([`${fault}:submit*1`], 0.01);
  expect(await read(submit())).toBe("TypeError");
  const { request_id: id } = ACCEPTED.parse(await (await submit()).json());
  const status: unknown = await (await call(`${DEPLOYMENT}/requests/${id}/status`)).json();
  expect(status).toMatchObject({ queue_position: position });
});

test("a fault is for the calls and as often as it says, and a failed job fails", async () => {
  const { call, submit } = await start(["error-500:status,result*2", "failed-job:submit*1"]);
  const { request_id: id } = ACCEPTED.parse(await (await submit()).json());
  const status = () => call(`${DEPLOYMENT}/requests/${id}/status`);
  expect((await status()).status).toBe(500);
  expect((await call(`${DEPLOYMENT}/requests/${id}/result`)).status).toBe(500);
  await expect
    .poll(async () => await (await status()).json(), { timeout: 5_000 })
    .toMatchObject({ status: "failed" });
});

test("faults are set over HTTP with the token", async () => {
  const { url, call, list } = await start();
  const set = (faults: unknown) => call("/faults", Object(faults), "PUT");
  expect(await (await set(["error-500:list", "html-502:list"])).json()).toHaveLength(2);
  expect((await list()).status).toBe(500);
  for (const [wrong, reason] of [
    [["slow"], /slow.* is no fault\. .* slow-answer/],
    [["slow-answer:poll"], /calls of submit, status/],
    [{}, /Send a JSON list of faults/],
  ] as const) {
    const refused = await set(wrong);
    expect([refused.status, await refused.text()]).toEqual([422, expect.stringMatching(reason)]);
  }
  expect((await set([])).status).toBe(200);
  const stranger = await fetch(`${url}/faults`, { method: "PUT", body: "[]" });
  expect(stranger.status).toBe(401);
});

test("the codes of a fault are those of the API that is called", async () => {
  const { call, list, setFaults } = await start();
  const codes = [];
  for (const name of ["unauthorized-401", "forbidden-403", "no-funds-402"]) {
    setFaults([name]);
    for (const answer of [await list(), await call("/v1/models")])
      codes.push(Object(await answer.json()).error_code);
  }
  expect(codes).toEqual([401_001, 400_004, 403_003, 403_001, 10_001, 400_002]);
});
