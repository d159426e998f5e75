import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect, onTestFinished, test } from "vitest";

import { createApiKeysFile, idOf } from "../../auth/api-keys-file.ts";
import { DATABASES, SANDBOX, start } from "../../gateway/open-gateway.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";
import { ask, connect, read, send } from "./connect.ts";

const LANTERN = "submit_paper_lantern";
const ON_JOBS = ["get_job", "wait_for_job", "list_jobs"];
const SUBMITTING = ["check_input", "create_upload"];
/** Waits at the upstream until a test ends it. */
const QUEUED = { deployment_id: "queued", input: { prompt: "Glow" } };

/** A gateway with keys, before a faulty upstream where any LoRA exists, and what connects with one of them. */
async function startWithKeys<Name extends string>(
  wanted: Readonly<Record<Name, readonly [string, ...string[]]>>,
  variables: Readonly<Record<string, string>> = {},
) {
  const keys = await createApiKeysFile();
  const made = new Map<string, string>();
  for (const [name, words] of Object.entries<readonly [string, ...string[]]>(wanted))
    made.set(name, await keys.create(...words));
  const gateway = await start({ AUTH: "api-keys", API_KEYS_FILE: keys.file, ...variables });
  gateway.upstream.script("queued", ["in_queue"]);
  const keyOf = (name: Name) => made.get(name) ?? "";
  return {
    ...gateway,
    keys,
    keyOf,
    enter: (name: Name) => connect(gateway.url, { key: keyOf(name) }),
  };
}

test.each([
  { revision: "2026-07-28", isOld: false },
  { revision: "2025-11-25", isOld: true },
])(
  "the official client of $revision lists tools, submits, gets progress, and sees its picture",
  async ({ isOld }) => {
    const { url, lines } = await start(SANDBOX);
    const client = await connect(url, { isOld });
    const { tools } = await client.listTools();
    const names = tools.map(({ name }) => name);
    expect(names).toEqual([
      ...["submit_warm_glow", LANTERN, "submit_slow_tide", "submit_harbour_workflow"],
      ...["submit_flux2_flash", ...SUBMITTING, ...ON_JOBS, "cancel_job"],
    ]);
    const flash = tools.find(({ name }) => name === "submit_flux2_flash");
    expect(flash?.description).toContain(
      "Costs about $0.01 per output. Larger pictures cost more.",
    );
    for (const { description } of tools) expect(description).not.toContain("..");
    expect(flash?.annotations).toEqual({
      ...{ readOnlyHint: false, destructiveHint: false, idempotentHint: false },
      openWorldHint: true,
    });
    expect(flash?.inputSchema).toMatchObject({
      required: ["input"],
      additionalProperties: false,
      properties: { input: { properties: { prompt: { type: "string" } } }, new_run: {} },
    });
    const submitted = await client.callTool({
      name: "submit_flux2_flash",
      arguments: { input: { prompt: "A lamp [slow]", seed: 7 } },
    });
    const { id } = read(submitted).job;
    expect(read(submitted)).toMatchObject({ note: expect.stringContaining("wait_for_job") });
    const reported: number[] = [];
    const ended = await client.callTool(
      { name: "wait_for_job", arguments: { id } },
      { onprogress: ({ progress }) => void reported.push(progress) },
    );
    expect(reported.at(0)).toBeLessThan(1);
    expect(reported.at(-1)).toBe(1);
    expect(reported.toSorted((a, b) => a - b)).toEqual(reported);
    const { job } = read(ended);
    expect(job).toMatchObject({
      ...{ id, status: "SUCCEEDED", is_finished: true, error: null, seed: 7 },
      assets: [{ kind: "IMAGE", content_type: "image/png", kept_url: expect.any(String) }],
    });
    const [asset] = job.assets;
    const [text, link, picture] = ended.content;
    expect(JSON.parse(text?.type === "text" ? text.text : "")).toEqual(ended.structuredContent);
    expect(link).toMatchObject({ type: "resource_link", uri: asset.kept_url });
    expect(picture).toMatchObject({ type: "image", mimeType: "image/webp" });
    const bytes = Buffer.from(picture?.type === "image" ? picture.data : "", "base64");
    expect(bytes.subarray(8, 12).toString()).toBe("WEBP");
    expect((await fetch(asset.kept_url)).headers.get("content-type")).toBe("image/png");
    const { contents } = await client.readResource({ uri: `job://${id}` });
    expect(contents).toMatchObject([{ mimeType: "application/json" }]);
    const { resources } = await client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual([`job://${id}`]);
    await expect(client.readResource({ uri: "job://job_none" })).rejects.toThrow(/not found/i);
    expect(lines.filter((line) => line.includes("An MCP client calls."))).toEqual([
      expect.stringContaining('"client":"test-client/1.2.3"'),
    ]);
  },
);

test("a key that lacks a scope does not see its tools, and can't call them", async () => {
  const { enter } = await startWithKeys(
    {
      reader: ["web", "--scopes", "jobs:read"],
      operator: ["web", "--scopes", "jobs:read:all"],
      canceller: ["web", "--scopes", "jobs:cancel"],
      submitter: ["web", "--scopes", "jobs:submit"],
    },
    { UPSTREAM: "sandbox", SANDBOX_PORT: "0" },
  );
  const cases = [
    { who: "reader", sees: ON_JOBS, isRefused: LANTERN },
    { who: "operator", sees: ON_JOBS, isRefused: "create_upload" },
    { who: "canceller", sees: ["cancel_job"], isRefused: "get_job" },
    { who: "submitter", sees: [LANTERN, ...SUBMITTING], isRefused: "cancel_job" },
  ] as const;
  for (const { who, sees, isRefused } of cases) {
    const client = await enter(who);
    const { tools } = await client.listTools();
    const seen = tools.map(({ name }) => name);
    expect(seen).toEqual(expect.arrayContaining([...sees]));
    expect(seen).not.toContain(isRefused);
    const call = client.callTool({ name: isRefused, arguments: {} });
    await expect(call).rejects.toThrow("There is no such tool for this credential.");
  }
});

test("blind retries cost one POST, until a new run is asked for, and a key keeps its job", async () => {
  const { upstream, enter } = await startWithKeys({ web: ["web"], other: ["another"] });
  const client = await enter("web");
  const submit = async (more: object = {}, by = client) =>
    read(await by.callTool({ name: "submit_job", arguments: { ...QUEUED, ...more } }));
  const [first, second] = await Promise.all([submit(), submit()]);
  const third = await submit();
  expect(new Set([first, second, third].map(({ job }) => job.id)).size).toBe(1);
  expect(third.note).toMatch(/^This call repeats another/);
  expect(upstream.count("submit")).toBe(1);
  const again = await submit({ new_run: true });
  expect(again.note).not.toMatch(/repeats/);
  expect(again.job.id).not.toBe(first.job.id);
  expect((await submit()).job.id).toBe(again.job.id);
  const keyed = await submit({ idempotency_key: "k" });
  const retried = await submit({ idempotency_key: "k", new_run: true });
  expect(retried.job.id).toBe(keyed.job.id);
  expect(retried.note).toContain("Use another idempotency_key");
  expect(retried.note).not.toContain("new_run");
  expect((await submit()).job.id).toBe(keyed.job.id);
  const other = await enter("other");
  expect((await submit({}, other)).note).not.toMatch(/repeats/);
  expect(upstream.count("submit")).toBe(4);
  await client.callTool({ name: "cancel_job", arguments: { id: keyed.job.id } });
  const last = await submit();
  expect([first, again, keyed].map(({ job }) => job.id)).not.toContain(last.job.id);
  expect(upstream.count("submit")).toBe(5);
});

test("a job that waits is answered with why, is waited for, and can be cancelled unsent", async () => {
  const { upstream, enter } = await startWithKeys({
    web: ["web"],
    agent: ["web", "--approval", "always"],
  });
  const [client, agent] = [await enter("web"), await enter("agent")];
  const call = async (name: string, given: object, by = client) =>
    read(await by.callTool({ name, arguments: { ...given } }));
  const queue = { hold: true, priority: 3, send_after: "2100-01-01T00:00:00Z" };
  const { job, note } = await call("submit_job", { ...QUEUED, queue });
  const hold = { reason: "BY_HAND", message: expect.stringContaining("releases it"), until: null };
  expect(job).toMatchObject({ status: "HELD", is_finished: false, hold });
  expect(note).toContain("wait_for_job");
  expect((await call("wait_for_job", { id: job.id, seconds: 0 })).job).toMatchObject({ hold });
  expect((await call("cancel_job", { id: job.id })).job).toMatchObject({
    ...{ status: "CANCELLED", hold: null },
  });

  const unapproved = await call("submit_job", { ...QUEUED, new_run: true }, agent);
  expect(unapproved.job).toMatchObject({
    status: "HELD",
    hold: { reason: "APPROVAL", message: expect.stringContaining("somebody else approves it") },
  });
  const past = { send_before: "2020-01-01T00:00:00Z" };
  expect(await call("submit_job", { ...QUEUED, new_run: true, queue: past })).toMatchObject({
    error: { code: "INVALID_INPUT", issues: [{ path: "queue.send_before" }] },
  });
  expect(upstream.count("submit")).toBe(0);
});

test("of many files the first 100 are named, and how many there are", async () => {
  const databaseUrl = await DATABASES.SQLite();
  const { upstream, enter } = await startWithKeys({ web: ["web"] }, { DATABASE_URL: databaseUrl });
  const client = await enter("web");
  const submitted = read(await client.callTool({ name: "submit_job", arguments: QUEUED }));
  const images = Array.from({ length: 150 }, (_, at) =>
    `https://files.runcomfy.net/${at}/`.padEnd(150, "a"),
  );
  await upstream.whenRequested("status", 1);
  const poll = upstream.requests.find(({ call }) => call === "status");
  upstream.finish(poll?.requestId ?? "", { output: { images } });
  const given = { id: submitted.job.id };
  const toUrls = (job: { readonly assets: readonly { readonly url: string }[] }) =>
    job.assets.map(({ url }) => url);
  const { job } = read(await client.callTool({ name: "wait_for_job", arguments: given }));
  expect([toUrls(job), job.asset_count]).toEqual([images.slice(0, 100), 150]);
});

test("what is refused is a tool's error with the next step, and costs nothing", async () => {
  const { upstream, enter } = await startWithKeys({
    web: ["web"],
    one: ["one", "--jobs-in-flight", "1"],
  });
  const client = await enter("web");
  const call = async (name: string, given: Record<string, unknown>) => {
    const result = await client.callTool({ name, arguments: given });
    expect(result.isError).toBe(true);
    return read(result).error;
  };
  const submit = (given: object) => call("submit_job", { ...QUEUED, ...given });
  expect(await submit({ input: "text" })).toMatchObject({
    code: "BAD_USER_INPUT",
    issues: [{ path: "input", message: "must be an object" }],
  });
  expect(await submit({ input: { prompt: "\0" } })).toMatchObject({
    code: "INVALID_INPUT",
    issues: [{ path: "input.prompt" }],
  });
  expect(await submit({ idempotency_key: "" })).toMatchObject({
    issues: [{ path: "idempotency_key" }],
  });
  // What the caller named by very long texts is not repeated in full for each of its mistakes.
  const long = "k".repeat(100_000);
  const bad = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`k${at}`, "\0"]));
  for (const given of [{ input: { [long]: bad } }, { [long]: 1 }])
    expect(JSON.stringify(await submit(given)).length).toBeLessThan(30_000);
  expect((await call("list_jobs", { after: "x" })).message).toContain("`next`");
  expect(await submit({ deployment_id: "../x" })).toMatchObject({ code: "NOT_FOUND" });
  expect(await submit({ deployment_id: "fault-forbidden" })).toMatchObject({ code: "FORBIDDEN" });
  expect(await call("get_job", { id: "job_none" })).toMatchObject({ code: "NOT_FOUND" });
  expect(await call("wait_for_job", { id: "job_none" })).toMatchObject({ code: "NOT_FOUND" });
  expect(await call("wait_for_job", { id: "x", seconds: 46 })).toMatchObject({
    code: "BAD_USER_INPUT",
  });
  expect(await call("cancel_job", { id: "../x" })).toMatchObject({ code: "NOT_FOUND" });
  expect(await call("create_upload", { data_uri: "file:///etc/passwd" })).toMatchObject({
    code: "INVALID_UPLOAD",
    issues: [{ path: "data_uri" }],
  });
  expect(upstream.count("submit")).toBe(1);
  const keyed = { ...QUEUED, idempotency_key: "k" };
  await client.callTool({ name: "submit_job", arguments: keyed });
  expect(await submit({ ...keyed, input: {} })).toMatchObject({
    code: "IDEMPOTENCY_CONFLICT",
    next: expect.stringContaining("another idempotency_key"),
  });
  const one = await enter("one");
  await one.callTool({ name: "submit_job", arguments: QUEUED });
  const more = { ...QUEUED, new_run: true };
  const refused = await one.callTool({ name: "submit_job", arguments: more });
  expect(read(refused).error).toMatchObject({ code: "QUOTA_EXCEEDED", limit: 1 });
});

test("of a job with very many files an answer has the first, says how many there are, and stays small", async () => {
  const { url, upstream } = await start();
  upstream.script("queued", ["in_queue"]);
  const client = await connect(url);
  const submitted = await client.callTool({ name: "submit_job", arguments: QUEUED });
  const { id } = read(submitted).job;
  const toUrl = (at: number) => `https://a.runcomfy.net/${at}.png?`.padEnd(1_000, "a");
  const images = Array.from({ length: 900 }, (_, at) => toUrl(at));
  await upstream.whenRequested("status", 1);
  const { requestId } = upstream.requests.findLast(({ call }) => call === "status") ?? {};
  upstream.finish(requestId ?? "", { output: { images } });
  const wait = { name: "wait_for_job", arguments: { id } };
  const get = { name: "get_job", arguments: { id } };
  for (const call of [wait, get]) {
    const answer = await client.callTool(call);
    const { job, note } = read(answer);
    expect(job).toMatchObject({ status: "SUCCEEDED", asset_count: 900 });
    const urls = job.assets.map((asset: { readonly url: string }) => asset.url);
    expect(urls.length).toBeGreaterThan(10);
    expect(urls).toEqual(images.slice(0, urls.length));
    expect(note).toContain(`the first ${urls.length} of its 900 files`);
    expect(JSON.stringify(answer).length).toBeLessThan(300_000);
  }
  const resource = await client.readResource({ uri: `job://${id}` });
  expect(JSON.stringify(resource)).toContain('\\"asset_count\\":900');
});

test("what fails after RunComfy has accepted a job is not reported as a refusal", async () => {
  const DATABASE_URL = await DATABASES.SQLite();
  const { url, upstream } = await start({ DATABASE_URL });
  using database = new DatabaseSync(DATABASE_URL.slice("file:".length));
  const client = await connect(url);
  const call = { name: "submit_job", arguments: { ...QUEUED, new_run: true } };
  const submits = [
    async () => read(await client.callTool(call)).job.id,
    async () => (await ask(url, "tools/call", call)).result.taskId,
  ];
  for (const [index, submit] of submits.entries()) {
    const accept = upstream.hold("submit");
    const submitted = submit();
    await upstream.whenRequested("submit", index + 1);
    // Estimates are learned from it.
    database.exec("alter table runs rename to away");
    accept();
    expect(await submitted).toMatch(/^job_/);
    database.exec("alter table away rename to runs");
  }
});

test("another owner's job is as if it were not there", async () => {
  const { enter } = await startWithKeys({ web: ["web"], other: ["another"] });
  const mine = await enter("web");
  const other = await enter("other");
  const submitted = await mine.callTool({ name: "submit_job", arguments: QUEUED });
  const { id } = read(submitted).job;
  for (const name of ["get_job", "wait_for_job", "cancel_job"]) {
    const result = await other.callTool({ name, arguments: { id } });
    expect(read(result).error).toMatchObject({ code: "NOT_FOUND" });
  }
  expect(read(await other.callTool({ name: "list_jobs", arguments: {} })).jobs).toEqual([]);
  expect((await other.listResources()).resources).toEqual([]);
  const found = await mine.callTool({ name: "list_jobs", arguments: { status: ["IN_QUEUE"] } });
  expect(read(found).jobs).toMatchObject([{ id, deployment_id: "queued" }]);
});

test("a held wait ends with its credential, its time, and the gateway", async () => {
  const { keys, keyOf, enter, close } = await startWithKeys({ web: ["web"], revoked: ["web"] });
  const client = await enter("web");
  const { id } = read(await client.callTool({ name: "submit_job", arguments: QUEUED })).job;
  const wait = (by = client, seconds = 45) =>
    by.callTool({ name: "wait_for_job", arguments: { id, seconds } });
  expect(read(await wait(client, 0.1))).toMatchObject({
    job: { status: "IN_QUEUE" },
    note: "It has not ended yet. Call wait_for_job again.",
  });
  const held = expect(wait(await enter("revoked"))).rejects.toThrow();
  await keys.run("revoke", idOf(keyOf("revoked")));
  await held;
  const last = wait();
  // It is being held by then, as what comes after it is answered.
  await client.callTool({ name: "get_job", arguments: { id } });
  await close();
  expect(read(await last)).toMatchObject({ job: { status: "IN_QUEUE" } });
});

test("one owner holds a hundred waits at most, which are measured, and the next is told what to do", async () => {
  const { url, gateway, upstream } = await start({ METRICS_PORT: "0" });
  upstream.script("queued", ["in_queue"]);
  const client = await connect(url);
  const { id } = read(await client.callTool({ name: "submit_job", arguments: QUEUED })).job;
  const leaving = new AbortController();
  const options = { signal: leaving.signal };
  const wait = () => client.callTool({ name: "wait_for_job", arguments: { id } }, options);
  const readHeld = async () => {
    const metrics = await fetch(new Map(gateway.urls).get("Metrics") ?? "");
    return /^runcomfy_gateway_waits_held (\d+)$/m.exec(await metrics.text())?.[1];
  };
  const all = Array.from({ length: 101 }, wait);
  const refused = read(await Promise.race(all)).error;
  expect(refused).toMatchObject({ code: "QUOTA_EXCEEDED", limit: 100 });
  expect(refused.message).toContain("get_job");
  // It costs nothing of the SDK, which would refuse this message for its header.
  const headers = { "mcp-name": "get_job" };
  const misnamed = await ask(
    url,
    "tools/call",
    { name: "wait_for_job", arguments: { id } },
    { headers },
  );
  expect(misnamed).toMatchObject({ id: 1, result: { isError: true, resultType: "complete" } });
  expect(await readHeld()).toBe("100");
  leaving.abort();
  await Promise.allSettled(all);
  // Those who have left hold nothing.
  await expect.poll(readHeld).toBe("0");
  const call = { name: "wait_for_job", arguments: { id, seconds: 0.1 } };
  await expect
    .poll(async () => read(await client.callTool(call)))
    .toMatchObject({ job: { status: "IN_QUEUE" } });
});

test("a call that would be held is small, as what it was parsed to is held too", async () => {
  const { url } = await start();
  const call = { name: "wait_for_job", arguments: { id: "job_none" } };
  const answered = async (bytes: number) =>
    (await ask(url, "tools/call", { ...call, more: "x".repeat(bytes) })).result;
  expect((await answered(10_000)).structuredContent.error).toMatchObject({ code: "NOT_FOUND" });
  expect((await answered(17_000)).structuredContent.error).toMatchObject({
    code: "BAD_USER_INPUT",
    message: expect.stringContaining("at most 16 KiB. Send"),
  });
});

test("a client that listens for changes is told at once that there are none, however many wait", async () => {
  const { url, upstream } = await start();
  upstream.script("queued", ["in_queue"]);
  const client = await connect(url);
  const { id } = read(await client.callTool({ name: "submit_job", arguments: QUEUED })).job;
  const leaving = new AbortController();
  const options = { signal: leaving.signal };
  const wait = () => client.callTool({ name: "wait_for_job", arguments: { id } }, options);
  const all = Array.from({ length: 101 }, wait);
  await Promise.race(all);
  // The extension of tasks lets a server push no state of one.
  const notifications = { toolsListChanged: true, resourcesListChanged: true, taskIds: [id] };
  const reported = await send(url, "subscriptions/listen", { notifications });
  expect(await reported.text()).toMatch(
    /acknowledged.*"notifications":{}.*"resultType":"complete"/s,
  );
  leaving.abort();
  await Promise.allSettled(all);
});

test("above 40 deployments there are tools that list and describe them instead", async () => {
  const file = join(await createTemporaryFolder(), "deployments.json");
  const inputSchema = { type: "object", properties: { prompt: { $ref: "#/definitions/text" } } };
  const deployments = Array.from({ length: 41 }, (_, index) => ({
    ...{ id: `dep-${index}`, name: `Deployment ${index}`, description: "Draws." },
    inputSchema: { ...inputSchema, definitions: { text: { type: "string", maxLength: 9 } } },
  }));
  const open = async (count: number) => {
    const content = { deployments: deployments.slice(0, count) };
    await writeFile(file, JSON.stringify(content));
    const { url, end } = await start({ DEPLOYMENTS_FILE: file });
    onTestFinished(end);
    return await connect(url);
  };
  const few = await open(40);
  const { tools } = await few.listTools();
  expect(tools).toHaveLength(40 + 6);
  expect(tools[0]).toMatchObject({
    name: "submit_deployment0",
    description: expect.stringMatching(/^Draws\.\n/),
    inputSchema: { properties: { input: { properties: { prompt: {} } } } },
  });
  // A reference leads to where the schema stands.
  expect(JSON.stringify(tools[0])).toContain('"$ref":"#/properties/input/definitions/text"');
  const many = await open(41);
  const names = (await many.listTools()).tools.map(({ name }) => name);
  expect(names).toEqual([
    ...["list_deployments", "describe_deployment", "submit_job", ...SUBMITTING],
    ...[...ON_JOBS, "cancel_job"],
  ]);
  const listed = read(await many.callTool({ name: "list_deployments", arguments: {} }));
  expect(listed.deployments).toHaveLength(41);
  const one = { name: "describe_deployment", arguments: { deployment_id: "dep-40" } };
  expect(read(await many.callTool(one))).toMatchObject({
    name: "Deployment 40",
    input_schema: { properties: { prompt: { $ref: "#/definitions/text" } } },
  });
  const long = { deployment_id: "dep-40", input: { prompt: "more than nine" } };
  const checked = read(await many.callTool({ name: "check_input", arguments: long }));
  expect(checked).toMatchObject({ is_valid: false, issues: [{ path: "input.prompt" }] });
});

test("what RunComfy will change is said beside the gateway's own description, with where it stands", async () => {
  const { url } = await start(SANDBOX);
  const client = await connect(url);
  const input = { prompt: "Glow", width: 1_001 };
  const submitted = await client.callTool({ name: LANTERN, arguments: { input } });
  expect(read(submitted)).toMatchObject({
    note: "Call wait_for_job with the job's id.",
    warnings: [{ path: "input.width", message: expect.any(String) }],
  });
});

test("a key that can't read is told of no tool that it lacks", async () => {
  const { enter } = await startWithKeys({ submitter: ["web", "--scopes", "jobs:submit"] });
  const client = await enter("submitter");
  const { tools } = await client.listTools();
  const submitted = await client.callTool({ name: "submit_job", arguments: QUEUED });
  const reported = JSON.stringify([tools, client.getInstructions(), submitted]);
  expect(reported).toContain("costs money");
  expect(reported).not.toContain("wait_for_job");
  expect(tools.find(({ name }) => name === "create_upload")?.description).toContain("189 KiB");
});

test("a file comes with the call, and is named in an input", async () => {
  const { url } = await start(SANDBOX);
  const client = await connect(url);
  const pixel =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const sent = { name: "create_upload", arguments: { data_uri: `data:image/png;base64,${pixel}` } };
  const { reference, has_come: hasCome } = read(await client.callTool(sent));
  expect(hasCome).toBe(true);
  const input = { prompt: "Warmer", ctrl_img_1: reference };
  const submitted = await client.callTool({ name: "submit_warm_glow", arguments: { input } });
  expect(read(submitted).job.status).toBe("IN_QUEUE");
  const later = { name: "create_upload", arguments: { content_type: "image/png", bytes: 70 } };
  const { put_url: putUrl, reference: early } = read(await client.callTool(later));
  const call = async (name: string, given: Record<string, unknown>) =>
    read(await client.callTool({ name, arguments: given })).error.issues;
  const [missing] = await call("submit_warm_glow", { input: { ...input, ctrl_img_1: early } });
  expect(missing).toEqual({
    path: "input.ctrl_img_1",
    message: expect.stringContaining("has not come"),
  });
  expect(missing.message).not.toContain("putUrl");
  expect(await call("create_upload", { bytes: 1 })).toMatchObject([{ path: "content_type" }]);
  const body = Buffer.from(pixel, "base64");
  expect((await fetch(putUrl, { method: "PUT", body })).status).toBe(204);
});

test("a call that is repeated gives the job of the first draw of a seed", async () => {
  const { url, upstream } = await start();
  const client = await connect(url);
  const submit = async (more: object = {}) => {
    const given = { deployment_id: "dep", input: { prompt: "x", seed: -1 }, ...more };
    return read(await client.callTool({ name: "submit_job", arguments: given })).job.id;
  };
  const id = await submit();
  expect(JSON.parse(upstream.requests.at(-1)?.body ?? "").seed).toBeGreaterThanOrEqual(0);
  expect(await submit()).toBe(id);
  expect(await submit({ new_run: true })).not.toBe(id);
});
