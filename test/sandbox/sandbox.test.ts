import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import file from "../../sandbox/src/deployments.json" with { type: "json" };
import workflow from "../../sandbox/src/workflow.json" with { type: "json" };
import { EXAMPLE_BODY } from "../support/example-body.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { openSandbox, START } from "./open-sandbox.ts";

const [glow = "", lantern = "", tide = ""] = file.deployments.map(({ id }) => id);
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** The usual lengths. What is drawn from an id is never so many times longer or shorter. */
const DISPATCH_MS = 500;
const USUAL_COLD_START_MS = 6_000;
const SPREAD = 4;
const SMALL = { prompt: "A lantern", width: 64, height: 64, sample_steps: 1 };

type Sandbox = Awaited<ReturnType<typeof openSandbox>>;

/** A sandbox whose first deployment is warm, with all runners free. */
async function openWarm() {
  const sandbox = await openSandbox();
  const request = await sandbox.accept(glow, EXAMPLE_BODY);
  sandbox.clock.now = (await sandbox.findTimes(request)).finishAt;
  return sandbox;
}

async function acceptMany(sandbox: Sandbox, count: number) {
  const requests = [];
  for (let index = 0; index < count; index += 1)
    requests.push(await sandbox.accept(glow, EXAMPLE_BODY));
  return requests;
}

/** As the contract spells times. */
function toTimestamp(timeMs: number): string {
  return new Date(timeMs).toISOString().replace("Z", "000");
}

describe("a request", () => {
  test("answers a submit, a status and a result exactly as the contract shows", async () => {
    const sandbox = await openSandbox();
    const { answer } = await sandbox.submit(glow, EXAMPLE_BODY);
    const { request_id: id } = Object(answer);
    const base = `${sandbox.url}/prod/v1/deployments/${glow}/requests/${id}`;
    const urls = { status_url: `${base}/status`, result_url: `${base}/result` };
    expect(answer).toEqual({ request_id: id, ...urls, cancel_url: `${base}/cancel` });
    const request = { deployment: glow, id };
    const queued = { request_id: id, status: "in_queue", queue_position: 0, ...urls };
    expect(await sandbox.poll(request)).toEqual(queued);
    const { startAt, finishAt } = await sandbox.findTimes(request);
    sandbox.clock.now = startAt;
    const running = { request_id: id, status: "in_progress" };
    expect(await sandbox.poll(request)).toEqual({ ...running, ...urls });
    const created = { created_at: "2026-01-02T03:04:05.678000" };
    expect(await sandbox.poll(request, "result")).toEqual({ ...running, ...created });
    sandbox.clock.now = finishAt;
    expect(await sandbox.poll(request, "result")).toEqual({
      request_id: id,
      status: "succeeded",
      output: { images: [`${sandbox.url}/files/${id}/0.svg`] },
      ...created,
      finished_at: toTimestamp(finishAt),
    });
  });

  test("fails when its prompt asks for it, with a reason", async () => {
    const sandbox = await openSandbox();
    const request = await sandbox.accept(lantern, { ...SMALL, prompt: "A lantern [fail]" });
    sandbox.clock.now += MINUTE_MS;
    expect(await sandbox.poll(request)).toMatchObject({ status: "failed" });
    const result = await sandbox.poll(request, "result");
    expect(result).toMatchObject({ status: "failed", error: { type: "InferenceError" } });
    expect(result).not.toHaveProperty("output");
  });

  test("is found under its own deployment only, by both versions of the paths", async () => {
    const sandbox = await openSandbox();
    const request = await sandbox.accept(lantern, SMALL);
    const path = `/prod/v2/deployments/${lantern}/requests/${request.id}/status`;
    const status_url = `${sandbox.url}${path}`;
    expect((await sandbox.call(path)).answer).toMatchObject({ status_url });
    const elsewhere = await sandbox.poll({ ...request, deployment: tide });
    expect(elsewhere).toMatchObject({ error_code: 404_001 });
  });

  test("is deleted 7 days after its end, with its file", async () => {
    const sandbox = await openSandbox();
    const request = await sandbox.accept(lantern, SMALL);
    const file = `${sandbox.url}/files/${request.id}/0.svg`;
    sandbox.clock.now += 6.9 * DAY_MS;
    expect((await fetch(file)).status).toBe(200);
    sandbox.clock.now += 0.2 * DAY_MS;
    expect((await fetch(file)).status).toBe(404);
    expect(await sandbox.poll(request)).toMatchObject({ error_code: 404_001 });
  });
});

describe("the queue", () => {
  test("runs two at a time, first in, first out, and counts positions from 0", async () => {
    const sandbox = await openWarm();
    const dispatchedAt = sandbox.clock.now + DISPATCH_MS;
    const requests = await acceptMany(sandbox, 4);
    const times = [];
    for (const request of requests) times.push(await sandbox.findTimes(request));
    const finishes = times.map(({ finishAt }) => finishAt);
    /** When one of two runners is free again, after so many requests. */
    const freeAt = (count: number) => finishes.slice(0, count).toSorted((a, b) => b - a)[1];
    const starts = times.map(({ startAt }) => startAt);
    expect(starts).toEqual([dispatchedAt, dispatchedAt, freeAt(2), freeAt(3)]);

    const polls = () => Promise.all(requests.map((request) => sandbox.poll(request)));
    const at = (position: number) => ({ status: "in_queue", queue_position: position });
    expect(await polls()).toMatchObject([at(0), at(1), at(2), at(3)]);
    sandbox.clock.now = dispatchedAt;
    const running = { status: "in_progress" };
    expect(await polls()).toMatchObject([running, running, at(0), at(1)]);
  });

  test("takes half a minute over a prompt that says [slow], whatever becomes of those before it", async () => {
    const sandbox = await openSandbox();
    const cancelled = await sandbox.accept(lantern, { ...SMALL, prompt: "[slow] A harbour" });
    const slow = await sandbox.accept(lantern, { ...SMALL, prompt: "[slow] A lantern" });
    for (const position of [4, 3, 2, 1, 0]) {
      const queued = { status: "in_queue", queue_position: position };
      expect(await sandbox.poll(slow)).toMatchObject(queued);
      if (position === 3)
        expect(await sandbox.cancel(cancelled)).toMatchObject({ outcome: "cancelled" });
      sandbox.clock.now += 3_000;
    }
    sandbox.clock.now += 14_999;
    expect(await sandbox.poll(slow)).toMatchObject({ status: "in_progress" });
    sandbox.clock.now += 1;
    expect(await sandbox.poll(slow)).toMatchObject({ status: "succeeded" });
  });

  test("lets a cancelled request go, and counts the others anew", async () => {
    const sandbox = await openWarm();
    const acceptedAt = sandbox.clock.now;
    const [first, , third, fourth] = await acceptMany(sandbox, 4);
    if (!first || !third || !fourth) throw new Error("Too few were accepted.");
    sandbox.clock.now = acceptedAt + DISPATCH_MS;
    expect(await sandbox.cancel(third)).toEqual({
      request_id: third.id,
      status: "completed",
      outcome: "cancelled",
    });
    expect(await sandbox.poll(third, "result")).toEqual({
      request_id: third.id,
      status: "cancelled",
      created_at: toTimestamp(acceptedAt),
      finished_at: toTimestamp(acceptedAt + DISPATCH_MS),
    });
    expect(await sandbox.poll(fourth)).toMatchObject({ queue_position: 0 });
    for (const late of [first, third])
      expect(await sandbox.cancel(late)).toMatchObject({ outcome: "not_cancellable" });
    expect(await sandbox.poll(first)).toMatchObject({ status: "in_progress" });
    expect(await sandbox.cancel(fourth)).toMatchObject({ outcome: "cancelled" });
  });
});

describe("a cold start", () => {
  test("comes at first and after a minute without work", async () => {
    const speed = 10;
    const sandbox = await openSandbox({ speed });
    const waits: number[] = [];
    for (const idleMs of [0, MINUTE_MS / speed - 1, MINUTE_MS / speed]) {
      sandbox.clock.now += idleMs;
      const request = await sandbox.accept(glow, EXAMPLE_BODY);
      const { startAt, finishAt } = await sandbox.findTimes(request);
      waits.push(startAt - sandbox.clock.now);
      sandbox.clock.now = finishAt;
    }
    const cold = expect.toSatisfy((ms) => ms > USUAL_COLD_START_MS / speed / SPREAD);
    expect(waits).toEqual([cold, DISPATCH_MS / speed, cold]);
  });

  test("is waited for by all who come meanwhile, and starts no other deployment", async () => {
    const sandbox = await openSandbox();
    const first = await sandbox.accept(glow, EXAMPLE_BODY);
    sandbox.clock.now += 1_000;
    const second = await sandbox.accept(glow, EXAMPLE_BODY);
    const { startAt } = await sandbox.findTimes(first);
    expect((await sandbox.findTimes(second)).startAt).toBe(startAt);
    sandbox.clock.now = startAt;
    const later = await sandbox.findTimes(await sandbox.accept(lantern, SMALL));
    expect(later.startAt - startAt).toBeGreaterThan(USUAL_COLD_START_MS / SPREAD);
  });

  test("goes on when its request is cancelled or the sandbox restarts, and leaves the deployment warm", async () => {
    const dataFolder = await createTemporaryFolder();
    const before = await openSandbox({ dataFolder });
    const first = await before.accept(glow, EXAMPLE_BODY);
    const { startAt: readyAt } = await before.findTimes(first);
    before.clock.now += 1_000;
    expect(await before.cancel(first)).toMatchObject({ outcome: "cancelled" });
    await before.close();

    const after = await openSandbox({ dataFolder, now: START + 1_000 });
    const second = await after.accept(glow, EXAMPLE_BODY);
    expect((await after.findTimes(second)).startAt).toBe(readyAt);
    expect(await after.cancel(second)).toMatchObject({ outcome: "cancelled" });
    after.clock.now = readyAt + MINUTE_MS - 1;
    const third = await after.accept(glow, EXAMPLE_BODY);
    expect((await after.findTimes(third)).startAt).toBe(after.clock.now + DISPATCH_MS);
  });
});

describe("a bad call", () => {
  test("without the token gets 401", async () => {
    const { url } = await openSandbox();
    for (const headers of [{}, { authorization: "Bearer other" }]) {
      const response = await fetch(`${url}/prod/v2/deployments`, { headers });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ error_code: 401_001 });
    }
  });

  test("gets 422 with every problem of its body at once", async () => {
    const sandbox = await openSandbox();
    const wrong = {
      ...EXAMPLE_BODY,
      ctrl_img_1: "http://example.com/a.png",
      width: 63,
      height: 4_097,
      sample_steps: 2.5,
      guidance_scale: "4",
      sedd: 1,
      prompt: undefined,
    };
    expect(await sandbox.refuse(glow, wrong)).toEqual({
      '["body","ctrl_img_1"]': "url_scheme",
      '["body","width"]': "greater_than_equal",
      '["body","height"]': "less_than_equal",
      '["body","sample_steps"]': "int_type",
      '["body","guidance_scale"]': "float_type",
      '["body","sedd"]': "extra_forbidden",
      '["body","prompt"]': "missing",
    });
  });

  test("gets 422 where its body is no JSON object of the schema", async () => {
    const sandbox = await openSandbox();
    for (const [body, type] of [
      [[], "dict_type"],
      ["{", "json_invalid"],
      [{ ...SMALL, resolution: "Highest" }, "literal_error"],
      [`{"prompt":"x","__proto__":{}}`, "extra_forbidden"],
      ["[".repeat(100_000), "json_invalid"],
    ] as const)
      expect(await sandbox.submit(tide, body)).toMatchObject({
        status: 422,
        answer: { detail: [{ type }] },
      });
  });

  test("with more than 1 MiB gets 413, whether its length is announced or not", async () => {
    const sandbox = await openSandbox();
    const text = JSON.stringify({ prompt: "x".repeat(2 ** 21) });
    expect(await sandbox.submit(lantern, text)).toMatchObject({ status: 413 });
    const path = `/prod/v1/deployments/${lantern}/inference`;
    const chunked = httpRequest(`${sandbox.url}${path}`, {
      method: "POST",
      headers: { authorization: "Bearer sandbox", "transfer-encoding": "chunked" },
    });
    chunked.end(text);
    const [response] = await once(chunked, "response");
    expect(response.statusCode).toBe(413);
    response.resume();
  });

  test("to an unknown path or deployment gets 404, and 405 where the method is wrong", async () => {
    const sandbox = await openSandbox();
    const unknown = { status: 404, answer: { error_code: 404_001 } };
    expect(await sandbox.call("/prod/v3/deployments")).toMatchObject(unknown);
    expect(await sandbox.submit("no", SMALL)).toMatchObject(unknown);
    const wrong = await fetch(`${sandbox.url}/prod/v1/deployments/${lantern}/inference`);
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
    expect(await (await fetch(sandbox.url)).text()).toContain("sandbox");
  });
});

describe("a file", () => {
  test("is a picture of the size asked, floored to 32, and for everyone to read", async () => {
    const sandbox = await openSandbox();
    const body = { ...SMALL, width: 200, height: 100, num_frames: 2 };
    const { id } = await sandbox.accept(lantern, body);
    const address = `${sandbox.url}/files/${id}/1.svg`;
    expect((await fetch(address)).status).toBe(404);
    sandbox.clock.now += MINUTE_MS;
    const response = await fetch(address);
    expect(response.headers.get("content-type")).toBe("image/svg+xml");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("server")).toBe("runcomfy-sandbox");
    const picture = await response.text();
    expect(picture).toMatch(/^<svg .*width="192" height="96">/);
    const head = await fetch(address, { method: "HEAD" });
    const length = String(Buffer.byteLength(picture));
    expect([head.status, head.headers.get("content-length")]).toEqual([200, length]);
    expect((await fetch(`${sandbox.url}/files/${id}/2.svg`)).status).toBe(404);
  });

  test("is the same for the same prompt and seed, and another for another", async () => {
    const sandbox = await openSandbox();
    const draw = async (body: object) =>
      (await sandbox.run(lantern, { ...SMALL, ...body })).picture;
    const picture = await draw({ seed: 1 });
    expect(await draw({ seed: 1 })).toBe(picture);
    expect(await draw({ seed: 2 })).not.toBe(picture);
    expect(await draw({ seed: 1, prompt: "A lamp" })).not.toBe(picture);
    expect(await draw({ seed: -1 })).not.toBe(await draw({ seed: -1 }));
  });

  test("can be drawn of any prompt", async () => {
    const sandbox = await openSandbox();
    const prompt = `<script>&amp;"'\u0000\u0008\ud800 \ufffe 👋🏽 ]]>`;
    const { picture } = await sandbox.run(lantern, { ...SMALL, width: 512, prompt });
    expect(picture).toContain(`&#60;script&#62;&#38;amp;"' \ufffd 👋🏽 ]]&#62;</text>`);
  });
});

describe("the sandbox", () => {
  test("lists its deployments, or those that are asked for", async () => {
    const sandbox = await openSandbox();
    const list = async (query: string) => {
      const { answer } = await sandbox.call(`/prod/v2/deployments${query}`);
      return Array.isArray(answer) ? answer.map(({ id }) => id) : answer;
    };
    expect(await list("")).toEqual([glow, lantern, tide, workflow.id]);
    expect(await list(`?ids=${tide}&ids=unknown&ids=${glow}`)).toEqual([glow, tide]);
  });

  test("says what to do where its data folder can't be used, and frees its port", async () => {
    const dataFolder = await createTemporaryFolder();
    await writeFile(join(dataFolder, "sandbox.db"), "no database ".repeat(1_000));
    const { port, close } = await openSandbox();
    await close();
    await expect(openSandbox({ port, dataFolder })).rejects.toThrow("SANDBOX_DATA");
    expect((await openSandbox({ port })).port).toBe(port);
  });
});
