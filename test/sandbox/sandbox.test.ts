import { once as onceEmitted } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import file from "../../sandbox/src/deployments.json" with { type: "json" };
import { startSandbox } from "runcomfy-sandbox";
import { EXAMPLE_BODY } from "../support/example-body.ts";

const [glow, lantern, tide] = file.deployments.map(({ id }) => id);
const START = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** The usual lengths. What is drawn from an id is never so many times longer or shorter. */
const DISPATCH_MS = 500;
const USUAL_COLD_START_MS = 6_000;
const USUAL_RUN_MS = 5_500;
const SPREAD = 4;
const SMALL = { prompt: "A lantern", width: 64, height: 64, sample_steps: 1 };

const QUEUED = z.object({ status: z.string(), queue_position: z.number().optional() });

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

type Start = { dataFolder?: string | null; port?: number; speed?: number; now?: number };

async function start({ dataFolder = null, port = 0, speed = 1, now = START }: Start = {}) {
  const clock = { now };
  const options = { port, token: "sandbox", speed, dataFolder, now: () => clock.now };
  const sandbox = await startSandbox(options);
  const close = once(() => sandbox.close());
  closers.push(close);

  async function call(method: string, path: string, body?: unknown) {
    const headers = {
      authorization: "Bearer sandbox",
      "content-type": "application/json",
      // A restarted sandbox has the same address, and must not be called on its predecessor's connection.
      connection: "close",
    };
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(`${sandbox.url}${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: text }),
    });
    const answer: unknown = await response.json();
    return { status: response.status, answer };
  }
  const requests = (deployment = lantern) => `/prod/v1/deployments/${deployment}`;
  async function submit(body: unknown, deployment = lantern) {
    const { status, answer } = await call("POST", `${requests(deployment)}/inference`, body);
    expect(status).toBe(200);
    return z.object({ request_id: z.string() }).parse(answer).request_id;
  }
  async function poll(id: string, verb: "status" | "result", deployment = lantern) {
    return (await call("GET", `${requests(deployment)}/requests/${id}/${verb}`)).answer;
  }
  /** When a request of the last minutes leaves the queue and when it ends, found by polls at other times. */
  async function findTimes(id: string, deployment = lantern) {
    const { now: asked } = clock;
    const findEndOf = async (...states: readonly string[]) => {
      let [before, after] = [START, asked + 5 * MINUTE_MS];
      while (after - before > 1) {
        clock.now = Math.floor((before + after) / 2);
        const { status } = QUEUED.parse(await poll(id, "status", deployment));
        if (states.includes(status)) before = clock.now;
        else after = clock.now;
      }
      return after;
    };
    const startAt = await findEndOf("in_queue");
    const finishAt = await findEndOf("in_queue", "in_progress");
    clock.now = asked;
    return { startAt, finishAt };
  }
  return {
    ...sandbox,
    close,
    clock,
    call,
    submit,
    poll,
    findTimes,
    /** Leaves the first deployment warm, with all runners free. */
    async warmUp() {
      const id = await submit(EXAMPLE_BODY, glow);
      clock.now = (await findTimes(id, glow)).finishAt;
    },
    async cancel(id: string, deployment = lantern) {
      return (await call("POST", `${requests(deployment)}/requests/${id}/cancel`)).answer;
    },
  };
}

/** As the contract spells times. */
function toTimestamp(timeMs: number): string {
  return new Date(timeMs).toISOString().replace("Z", "000");
}

function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= act());
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sandbox-"));
  closers.push(() => rm(folder, { recursive: true }));
  return folder;
}

describe("a request", () => {
  test("answers a submit, a status and a result exactly as the contract shows", async () => {
    const sandbox = await start();
    const path = `/prod/v1/deployments/${glow}`;
    const { answer } = await sandbox.call("POST", `${path}/inference`, EXAMPLE_BODY);
    const { request_id: id } = z.object({ request_id: z.uuid() }).parse(answer);
    const base = `${sandbox.url}${path}/requests/${id}`;
    const urls = { status_url: `${base}/status`, result_url: `${base}/result` };
    expect(answer).toEqual({ request_id: id, ...urls, cancel_url: `${base}/cancel` });
    expect(await sandbox.poll(id, "status", glow)).toEqual({
      request_id: id,
      status: "in_queue",
      queue_position: 0,
      ...urls,
    });
    const { startAt, finishAt } = await sandbox.findTimes(id, glow);
    sandbox.clock.now = startAt;
    expect(await sandbox.poll(id, "status", glow)).toEqual({
      request_id: id,
      status: "in_progress",
      ...urls,
    });
    expect(await sandbox.poll(id, "result", glow)).toEqual({
      request_id: id,
      status: "in_progress",
      created_at: "2026-01-02T03:04:05.678000",
    });
    sandbox.clock.now = finishAt;
    expect(await sandbox.poll(id, "result", glow)).toEqual({
      request_id: id,
      status: "succeeded",
      output: { images: [`${sandbox.url}/files/${id}/0.svg`] },
      created_at: "2026-01-02T03:04:05.678000",
      finished_at: toTimestamp(finishAt),
    });
  });

  test.each([1, 100])("takes as long as speed %i says, more or less", async (speed) => {
    const sandbox = await start({ speed });
    const id = await sandbox.submit(EXAMPLE_BODY, glow);
    const { startAt, finishAt } = await sandbox.findTimes(id, glow);
    for (const [ms, nominalMs] of [
      [startAt - START, USUAL_COLD_START_MS / speed],
      [finishAt - startAt, USUAL_RUN_MS / speed],
    ] as const) {
      expect(ms).toBeGreaterThan(nominalMs / SPREAD);
      expect(ms).toBeLessThan(nominalMs * SPREAD);
    }
  });

  test("fails when its prompt asks for it, with a reason", async () => {
    const sandbox = await start();
    const id = await sandbox.submit({ ...SMALL, prompt: "A lantern [fail]" });
    sandbox.clock.now += MINUTE_MS;
    expect(await sandbox.poll(id, "status")).toMatchObject({ status: "failed" });
    const result = await sandbox.poll(id, "result");
    expect(result).toMatchObject({ status: "failed", error: { type: "InferenceError" } });
    expect(result).not.toHaveProperty("output");
  });

  test("is found under its own deployment only, by both versions of the paths", async () => {
    const sandbox = await start();
    const id = await sandbox.submit(SMALL);
    const tail = `requests/${id}/status`;
    expect((await sandbox.call("GET", `/prod/v2/deployments/${lantern}/${tail}`)).answer).toEqual(
      expect.objectContaining({
        status_url: `${sandbox.url}/prod/v2/deployments/${lantern}/${tail}`,
      }),
    );
    const elsewhere = await sandbox.call("GET", `/prod/v2/deployments/${tide}/${tail}`);
    expect(elsewhere).toMatchObject({ status: 404, answer: { error_code: 404_001 } });
  });

  test("is deleted 7 days after its end, with its file", async () => {
    const sandbox = await start();
    const id = await sandbox.submit(SMALL);
    sandbox.clock.now += 6.9 * DAY_MS;
    expect((await fetch(`${sandbox.url}/files/${id}/0.svg`)).status).toBe(200);
    sandbox.clock.now += 0.2 * DAY_MS;
    expect((await fetch(`${sandbox.url}/files/${id}/0.svg`)).status).toBe(404);
    expect(await sandbox.poll(id, "status")).toMatchObject({ error_code: 404_001 });
  });
});

describe("the queue", () => {
  test("runs two at a time, first in, first out, and counts positions from 0", async () => {
    const sandbox = await start();
    await sandbox.warmUp();
    const acceptedAt = sandbox.clock.now;
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) ids.push(await sandbox.submit(EXAMPLE_BODY, glow));
    const times = [];
    for (const id of ids) times.push(await sandbox.findTimes(id, glow));
    const starts = times.map(({ startAt }) => startAt);
    const finishes = times.map(({ finishAt }) => finishAt);
    /** When one of two runners is free again, after so many requests. */
    const freeAt = (count: number) => finishes.slice(0, count).toSorted((a, b) => b - a)[1];
    const dispatchedAt = acceptedAt + DISPATCH_MS;
    expect(starts).toEqual([dispatchedAt, dispatchedAt, freeAt(2), freeAt(3), freeAt(4)]);

    const polls = () => Promise.all(ids.map((id) => sandbox.poll(id, "status", glow)));
    const at = (position: number) => ({ status: "in_queue", queue_position: position });
    expect(await polls()).toMatchObject([at(0), at(1), at(2), at(3), at(4)]);
    sandbox.clock.now = dispatchedAt;
    const running = { status: "in_progress" };
    expect(await polls()).toMatchObject([running, running, at(0), at(1), at(2)]);
    sandbox.clock.now = Math.max(...finishes);
    const done = { status: "succeeded" };
    expect(await polls()).toMatchObject([done, done, done, done, done]);
  });

  test("takes half a minute over a prompt that says [slow], so that people can watch and cancel it", async () => {
    const sandbox = await start();
    const id = await sandbox.submit({ ...SMALL, prompt: "[slow] A lantern" });
    const positions: unknown[] = [];
    for (let second = 0; second < 15; second += 3) {
      const { status, queue_position } = QUEUED.parse(await sandbox.poll(id, "status"));
      expect(status).toBe("in_queue");
      positions.push(queue_position);
      sandbox.clock.now += 3_000;
    }
    expect(positions).toEqual([4, 3, 2, 1, 0]);
    sandbox.clock.now += 14_999;
    expect(await sandbox.poll(id, "status")).toMatchObject({ status: "in_progress" });
    sandbox.clock.now += 1;
    expect(await sandbox.poll(id, "status")).toMatchObject({ status: "succeeded" });
  });

  test("keeps a slow request waiting when one before it is cancelled", async () => {
    const sandbox = await start();
    const cancelled = await sandbox.submit({ ...SMALL, prompt: "[slow] A lantern" });
    const slow = await sandbox.submit({ ...SMALL, prompt: "[slow] A harbour" });
    sandbox.clock.now += 10_000;
    expect(await sandbox.cancel(cancelled)).toMatchObject({ outcome: "cancelled" });
    expect(await sandbox.poll(slow, "status")).toMatchObject({ status: "in_queue" });
    sandbox.clock.now += 5_000;
    expect(await sandbox.poll(slow, "status")).toMatchObject({ status: "in_progress" });
  });

  test("lets a cancelled request go, and counts the others anew", async () => {
    const sandbox = await start();
    await sandbox.warmUp();
    const acceptedAt = sandbox.clock.now;
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) ids.push(await sandbox.submit(EXAMPLE_BODY, glow));
    const [first = "", second = "", third = "", fourth = "", fifth = ""] = ids;
    sandbox.clock.now = acceptedAt + DISPATCH_MS;
    expect(await sandbox.cancel(third, glow)).toEqual({
      request_id: third,
      status: "completed",
      outcome: "cancelled",
    });
    expect(await sandbox.poll(third, "result", glow)).toEqual({
      request_id: third,
      status: "cancelled",
      created_at: toTimestamp(acceptedAt),
      finished_at: toTimestamp(acceptedAt + DISPATCH_MS),
    });
    expect(await sandbox.poll(fourth, "status", glow)).toMatchObject({ queue_position: 0 });
    sandbox.clock.now = (await sandbox.findTimes(fourth, glow)).startAt;
    expect(await sandbox.poll(fifth, "status", glow)).toMatchObject({ queue_position: 0 });
    for (const late of [first, third, fourth]) {
      expect(await sandbox.cancel(late, glow)).toMatchObject({ outcome: "not_cancellable" });
    }
    expect(await sandbox.poll(fourth, "status", glow)).toMatchObject({ status: "in_progress" });
    expect(await sandbox.cancel(fifth, glow)).toMatchObject({ outcome: "cancelled" });
    const finishes = [];
    for (const id of [first, second, fourth])
      finishes.push((await sandbox.findTimes(id, glow)).finishAt);
    const [, freeAt = 0] = finishes.toSorted((a, b) => b - a);
    const next = await sandbox.submit(EXAMPLE_BODY, glow);
    const { startAt } = await sandbox.findTimes(next, glow);
    expect(startAt).toBe(Math.max(sandbox.clock.now + DISPATCH_MS, freeAt));
  });

  test("is the same after a restart, even at another speed", async () => {
    const dataFolder = await makeFolder();
    const before = await start({ dataFolder });
    const ids: string[] = [];
    for (let index = 0; index < 3; index += 1) ids.push(await before.submit(EXAMPLE_BODY, glow));
    const planned = [];
    for (const id of ids) planned.push(await before.findTimes(id, glow));
    await before.close();
    const after = await start({ dataFolder, port: before.port, speed: 50 });
    const found = [];
    for (const id of ids) found.push(await after.findTimes(id, glow));
    expect(found).toEqual(planned);
    after.clock.now = planned[0]?.finishAt ?? 0;
    const answer = await fetch(`${after.url}/files/${ids[0]}/0.svg`);
    expect([after.url, answer.status]).toEqual([before.url, 200]);
  });
});

describe("a cold start", () => {
  test.each([1, 10])(
    "comes at first and after a minute without work, and holds up no warm deployment, at speed %i",
    async (speed) => {
      const sandbox = await start({ speed });
      const coldMs = USUAL_COLD_START_MS / speed / SPREAD;
      const waits: number[] = [];
      for (const idleMs of [0, MINUTE_MS / speed - 1, MINUTE_MS / speed]) {
        sandbox.clock.now += idleMs;
        const { now } = sandbox.clock;
        const id = await sandbox.submit(EXAMPLE_BODY, glow);
        const { startAt, finishAt } = await sandbox.findTimes(id, glow);
        waits.push(startAt - now);
        sandbox.clock.now = startAt - 1;
        const waiting = { status: "in_queue", queue_position: 0 };
        expect(await sandbox.poll(id, "status", glow)).toMatchObject(waiting);
        sandbox.clock.now = finishAt;
      }
      expect(waits[0]).toBeGreaterThan(coldMs);
      expect(waits[1]).toBe(DISPATCH_MS / speed);
      expect(waits[2]).toBeGreaterThan(coldMs);
    },
  );

  test("is waited for by all who come meanwhile, and starts no other deployment", async () => {
    const sandbox = await start();
    const first = await sandbox.submit(EXAMPLE_BODY, glow);
    sandbox.clock.now += 1_000;
    const second = await sandbox.submit(EXAMPLE_BODY, glow);
    const { startAt } = await sandbox.findTimes(first, glow);
    expect((await sandbox.findTimes(second, glow)).startAt).toBe(startAt);
    sandbox.clock.now = startAt;
    const elsewhere = await sandbox.submit(SMALL, lantern);
    const later = await sandbox.findTimes(elsewhere, lantern);
    expect(later.startAt - startAt).toBeGreaterThan(USUAL_COLD_START_MS / SPREAD);
  });

  test("goes on when its request is cancelled or the sandbox restarts, and leaves the deployment warm", async () => {
    const dataFolder = await makeFolder();
    const before = await start({ dataFolder });
    const first = await before.submit(EXAMPLE_BODY, glow);
    const { startAt: readyAt } = await before.findTimes(first, glow);
    before.clock.now += 1_000;
    expect(await before.cancel(first, glow)).toMatchObject({ outcome: "cancelled" });
    await before.close();

    const after = await start({ dataFolder, now: START + 1_000 });
    const second = await after.submit(EXAMPLE_BODY, glow);
    expect((await after.findTimes(second, glow)).startAt).toBe(readyAt);
    expect(await after.cancel(second, glow)).toMatchObject({ outcome: "cancelled" });
    after.clock.now = readyAt + MINUTE_MS - 1;
    const third = await after.submit(EXAMPLE_BODY, glow);
    expect((await after.findTimes(third, glow)).startAt).toBe(after.clock.now + DISPATCH_MS);
  });
});

describe("a bad call", () => {
  test.each([
    ["without a token", {}],
    ["with a wrong token", { authorization: "Bearer other" }],
  ])("%s gets 401", async (_title, headers) => {
    const { url } = await start();
    const response = await fetch(`${url}/prod/v2/deployments`, { headers });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error_code: 401_001 });
  });

  test("gets 422 with every problem of its body at once", async () => {
    const sandbox = await start();
    const body = {
      ...EXAMPLE_BODY,
      ctrl_img_1: "http://example.com/a.png",
      width: 63,
      height: 4_097,
      sample_steps: 2.5,
      guidance_scale: "4",
      sedd: 1,
      prompt: undefined,
    };
    const path = `/prod/v1/deployments/${glow}/inference`;
    const { status, answer } = await sandbox.call("POST", path, body);
    const problem = z.object({
      loc: z.tuple([z.literal("body"), z.string()]),
      msg: z.string().min(1),
      type: z.string(),
    });
    const { detail } = z.object({ detail: z.array(problem) }).parse(answer);
    expect(status).toBe(422);
    expect(Object.fromEntries(detail.map(({ loc, type }) => [loc[1], type]))).toEqual({
      ctrl_img_1: "url_scheme",
      width: "greater_than_equal",
      height: "less_than_equal",
      sample_steps: "int_type",
      guidance_scale: "float_type",
      sedd: "extra_forbidden",
      prompt: "missing",
    });
  });

  test.each([
    ["an array", [], "dict_type"],
    ["no JSON", "{", "json_invalid"],
    ["an unknown choice", { ...SMALL, resolution: "Highest" }, "literal_error"],
    ["the key __proto__", `{"prompt":"x","__proto__":{}}`, "extra_forbidden"],
    ["very deep JSON", "[".repeat(100_000), "json_invalid"],
  ])("with %s as body gets 422", async (_title, body, type) => {
    const sandbox = await start();
    const path = `/prod/v1/deployments/${tide}/inference`;
    const call = await sandbox.call("POST", path, body);
    expect(call).toMatchObject({ status: 422, answer: { detail: [{ type }] } });
  });

  test("with more than 1 MiB gets 413, whether its length is announced or not", async () => {
    const sandbox = await start();
    const path = `/prod/v1/deployments/${lantern}/inference`;
    const text = JSON.stringify({ prompt: "x".repeat(2 ** 21) });
    expect(await sandbox.call("POST", path, text)).toMatchObject({ status: 413 });
    const chunked = httpRequest(`${sandbox.url}${path}`, {
      method: "POST",
      headers: { authorization: "Bearer sandbox", "transfer-encoding": "chunked" },
    });
    chunked.end(text);
    const [response] = await onceEmitted(chunked, "response");
    expect(response.statusCode).toBe(413);
    response.resume();
  });

  test("to an unknown path or deployment gets 404, and 405 where the method is wrong", async () => {
    const sandbox = await start();
    const unknown = { status: 404, answer: { error_code: 404_001 } };
    expect(await sandbox.call("GET", "/prod/v3/deployments")).toMatchObject(unknown);
    expect(await sandbox.call("POST", "/prod/v1/deployments/no/inference", SMALL)).toMatchObject(
      unknown,
    );
    const wrong = await fetch(`${sandbox.url}/prod/v1/deployments/${lantern}/inference`);
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
  });
});

describe("a file", () => {
  test("is a picture of the size asked, floored to 32, and for everyone to read", async () => {
    const sandbox = await start();
    const id = await sandbox.submit({ ...SMALL, width: 200, height: 100, num_frames: 2 });
    const address = `${sandbox.url}/files/${id}/1.svg`;
    expect((await fetch(address)).status).toBe(404);
    sandbox.clock.now += MINUTE_MS;
    const response = await fetch(address);
    expect(response.headers.get("content-type")).toBe("image/svg+xml");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    const picture = await response.text();
    expect(picture).toMatch(/^<svg .*width="192" height="96">/);
    const head = await fetch(address, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([
      200,
      String(Buffer.byteLength(picture)),
    ]);
    expect((await fetch(`${sandbox.url}/files/${id}/2.svg`)).status).toBe(404);
  });

  test("is the same for the same prompt and seed, and another for another", async () => {
    const draw = async (body: object) => {
      const sandbox = await start();
      const id = await sandbox.submit({ ...SMALL, ...body });
      sandbox.clock.now += MINUTE_MS;
      const response = await fetch(`${sandbox.url}/files/${id}/0.svg`);
      return Buffer.from(await response.arrayBuffer()).toString("base64");
    };
    const picture = await draw({ seed: 1 });
    expect(await draw({ seed: 1 })).toBe(picture);
    expect(await draw({ seed: 2 })).not.toBe(picture);
    expect(await draw({ seed: 1, prompt: "A lamp" })).not.toBe(picture);
    expect(await draw({ seed: -1 })).not.toBe(await draw({ seed: -1 }));
  });

  test("can be drawn of any prompt", async () => {
    const sandbox = await start();
    const prompt = `<script>&amp;"'\u0000\u0008\ud800 \ufffe 👋🏽 ]]>`;
    const id = await sandbox.submit({ ...SMALL, width: 512, prompt });
    sandbox.clock.now += MINUTE_MS;
    const picture = await (await fetch(`${sandbox.url}/files/${id}/0.svg`)).text();
    expect(picture).toContain(`&#60;script&#62;&#38;amp;"' \ufffd 👋🏽 ]]&#62;</text>`);
  });

  test("of a film moves for as long as its frames last", async () => {
    const sandbox = await start();
    const film = { prompt: "Waves", width: 64, height: 64, sample_steps: 1 };
    const id = await sandbox.submit(film, tide);
    sandbox.clock.now += MINUTE_MS;
    const output = { videos: [`${sandbox.url}/files/${id}/0.svg`] };
    expect(await sandbox.poll(id, "result", tide)).toMatchObject({ output });
    const response = await fetch(output.videos[0] ?? "");
    expect(await response.text()).toContain(`dur="${41 / 24}s" repeatCount="indefinite"`);
  });
});

describe("the sandbox", () => {
  test("lists its deployments, or those that are asked for", async () => {
    const sandbox = await start();
    const ids = z.array(z.object({ id: z.string(), hardware: z.tuple([z.string()]) }));
    const list = async (query: string) =>
      ids
        .parse((await sandbox.call("GET", `/prod/v2/deployments${query}`)).answer)
        .map(({ id }) => id);
    expect(await list("")).toEqual([glow, lantern, tide]);
    expect(await list(`?ids=${tide}&ids=unknown&ids=${glow}`)).toEqual([glow, tide]);
  });

  test("says what it is", async () => {
    const { url } = await start();
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([
      404,
      expect.stringContaining("sandbox"),
    ]);
  });

  test("rejects with EADDRINUSE where its port is taken", async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  test("says what to do where its data folder can't be used, and frees its port", async () => {
    const folder = await makeFolder();
    await writeFile(join(folder, "sandbox.db"), "no database ".repeat(1_000));
    const { port, close } = await start();
    await close();
    await expect(start({ port, dataFolder: folder })).rejects.toThrow("SANDBOX_DATA");
    expect((await start({ port })).port).toBe(port);
  });
});
