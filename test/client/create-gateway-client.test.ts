import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";

import {
  CANCEL_JOB,
  createGatewayClient,
  DOCUMENTS,
  type Job,
  JOBS,
  JOBS_UPDATED,
} from "runcomfy-graphql-client";
import sharp from "sharp";
import { expect, onTestFinished, test, vi } from "vitest";

import type { JobsUpdatedSubscription } from "../../client/src/gql.ts";
import { createApiKeysFile } from "../auth/api-keys-file.ts";
import { listen } from "../support/listen.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { LANTERN, openClient, openClientOfProcess, shareGateway } from "./open-client.ts";

const SOON = { timeout: 20_000, interval: 50 };
const LANTERN_JOB = { deploymentId: LANTERN, input: { prompt: "A lantern" } };
/** Half a minute, in which it can be cut off. */
const SLOW_JOB = { deploymentId: LANTERN, input: { prompt: "[slow] A lantern" } };

const openShared = shareGateway();

async function collect(jobs: AsyncIterable<Job>): Promise<readonly Job[]> {
  const collected: Job[] = [];
  for await (const job of jobs) collected.push(job);
  return collected;
}

test("a job is submitted and watched to its end, the socket closes behind it, and its key gives it again", async () => {
  // Slow enough that it is watched before it ends on a busy machine, too.
  const { client, kinds } = await openClient({ SANDBOX_SPEED: "4" });
  const job = { ...LANTERN_JOB, tags: ["one"], key: "key-1" };
  const jobs = await collect(client.submitAndWatch(job));
  const [first, last] = [jobs[0], jobs.at(-1)];
  expect(first?.isFinished).toBe(false);
  expect(last).toMatchObject({ status: "SUCCEEDED", tags: ["one"] });
  expect(last?.assets[0]?.url).toMatch(/\.svg$/);
  expect(jobs.map(({ version }) => version)).toEqual(
    jobs.map(({ version }) => version).toSorted((a, b) => a - b),
  );
  await expect.poll(() => kinds).toEqual(["connected", "idle"]);
  const { id, output } = last ?? {};
  expect(await collect(client.submitAndWatch(job))).toMatchObject([{ id, output }]);
});

test("a job that is submitted with a queue is watched while it is HELD", async () => {
  const { client } = await openClient({ SANDBOX_SPEED: "50" });
  const jobs = client.submitAndWatch({ ...LANTERN_JOB, queue: { hold: true } });
  const { value: held } = await jobs.next();
  expect(held).toMatchObject({ status: "HELD", isCancellable: true, estimate: null });
  const id = held?.id ?? "";
  expect(await client.request(CANCEL_JOB, { id })).toMatchObject({
    cancelJob: { __typename: "CancelJobSuccess" },
  });
  expect(await collect(jobs)).toMatchObject([{ id, status: "CANCELLED" }]);
});

test("ending a watch that waits returns at once, nor is its subscription kept", async () => {
  const { client, kinds } = await openClient({ SANDBOX_SPEED: "1" });
  const jobs = client.submitAndWatch(SLOW_JOB);
  await jobs.next();
  await expect.poll(() => kinds).toEqual(["connected"]);
  const waiting = jobs.next().then(async (state) => (state.done ? state : await jobs.next()));
  await jobs.return();
  expect(await waiting).toEqual({ done: true, value: undefined });
  await expect.poll(() => kinds.at(-1)).toBe("idle");
});

test("an answer that was lost leaves the key with whatever the next try meets", async () => {
  let tries = 0;
  const server = createServer((request, response) => {
    tries += 1;
    if (tries === 1) return void request.destroy();
    const extensions = { code: "RATE_LIMITED", retryAfterSeconds: 1 };
    response.end(JSON.stringify({ errors: [{ message: "Wait a second.", extensions }] }));
  });
  const { origin } = await listen(server);
  const client = createGatewayClient({ url: `${origin}/graphql` });
  await expect(
    collect(client.submitAndWatch({ ...LANTERN_JOB, key: "key-1" })),
  ).rejects.toMatchObject({
    code: "RATE_LIMITED",
    retryAfterSeconds: 1,
    message: 'Wait a second. Submit it again with key: "key-1" to pay once.',
  });
  expect(tries).toBe(2);
});

test("a connection that nobody needs any more is not reported as down", async () => {
  const { client, proxy, kinds } = await openShared();
  const leave = client.subscribe(JOBS_UPDATED, {}, { next: () => undefined });
  await expect.poll(() => kinds, SOON).toEqual(["connected"]);
  proxy.drop();
  await expect.poll(() => kinds, SOON).toContain("away");
  leave();
  expect(client.connection.get()).toEqual({ kind: "idle" });
});

test("a connection that is silently dead is noticed by a ping, and replaced", async () => {
  const { client, proxy, kinds } = await openClientOfProcess();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const jobs = collect(client.submitAndWatch(SLOW_JOB));
  await vi.waitUntil(() => kinds.includes("connected"), SOON);
  proxy.blackHole();
  vi.advanceTimersByTime(15_000);
  expect(kinds).toEqual(["connected"]);
  vi.advanceTimersByTime(5_000);
  expect(kinds).toEqual(["connected", "away"]);
  vi.useRealTimers();
  proxy.heal();
  expect((await jobs).at(-1)?.status).toBe("SUCCEEDED");
  expect(kinds).toEqual(["connected", "away", "connected"]);
});

test("what is wrong with an input is said in sentences, of which each ends once", async () => {
  const { client } = await openShared();
  const watched = client.submitAndWatch({
    deploymentId: LANTERN,
    input: { promt: "A lantern", width: 1 },
  });
  await expect(watched.next()).rejects.toMatchObject({
    code: "InvalidInputError",
    issues: [{ path: "prompt" }, { path: "promt" }, { path: "width" }],
    retryable: false,
    message:
      "Correct the marked fields, then submit again. prompt is missing; it is required. promt is not known here; did you mean prompt? width is 1; the least is 64.",
  });
});

test("a document that doesn't fit is reported by its code", async () => {
  const { client } = await openShared();
  await expect(client.request("{ unknown }", {})).rejects.toMatchObject({
    code: "GRAPHQL_VALIDATION_FAILED",
    message: expect.stringContaining("unknown"),
  });
  const { cancelJob } = await client.request(CANCEL_JOB, { id: "job_unknown" });
  expect(cancelJob.__typename).toBe("JobNotFoundError");
});

test("a file is uploaded, and one that is not what it says is refused with the reason", async () => {
  const { client } = await openShared();
  const create = { width: 2, height: 2, channels: 3, background: "red" } as const;
  const png = await sharp({ create }).png().toBuffer();
  const toFile = (bytes: BlobPart) => new File([bytes], "a.png", { type: "image/png" });
  expect(await client.upload(toFile(new Uint8Array(png)))).toMatch(/^upload:upl_/);
  await expect(client.upload(toFile("These are notes."))).rejects.toThrow("Choose another one");
  const empty = client.upload(new File([], "a.png", { type: "image/png" }));
  await expect(empty).rejects.toMatchObject({ code: "InvalidUploadError", issues: [{}] });
});

test("a credential that is refused ends what is watched, and a better one works, also where the first try to connect fails", async () => {
  const keys = await createApiKeysFile();
  const key = await keys.create("web");
  const hints: boolean[] = [];
  let credential = "Bearer rck_wrong";
  const { client, proxy } = await openClient(
    { AUTH: "api-keys", API_KEYS_FILE: keys.file },
    {
      authorization(wasRefused) {
        hints.push(wasRefused);
        return credential;
      },
    },
  );
  await expect(client.request(JOBS, { first: 1 })).rejects.toMatchObject({
    code: "UNAUTHENTICATED",
  });
  await expect(collect(client.watchJob("job_1"))).rejects.toMatchObject({ code: "REFUSED" });
  expect(client.connection.get()).toEqual({ kind: "refused", reason: expect.stringMatching(/./) });
  credential = `Bearer ${key}`;
  proxy.drop();
  const watched = expect(collect(client.watchJob("job_1"))).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
  await expect.poll(() => client.connection.get().kind, SOON).toBe("away");
  proxy.heal();
  await watched;
  expect(hints.slice(0, 2)).toEqual([false, true]);
});

test("a credential that can't be had at the moment is asked for again, and one that expired is replaced", async () => {
  const keys = await createApiKeysFile();
  const key = await keys.create("web");
  const environment = { AUTH: "api-keys", API_KEYS_FILE: keys.file };
  let credential: () => string = () => {
    throw new Error("Log in again.");
  };
  const authorization = () => credential();
  const { client, kinds } = await openClient(environment, { authorization });
  await expect(client.request(JOBS, { first: 1 })).rejects.toMatchObject({
    code: "NO_CREDENTIAL",
    message: "Log in again.",
  });
  const watched = collect(client.watchJob("job_unknown"));
  const outcome = expect(watched).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect
    .poll(() => client.connection.get())
    .toMatchObject({
      kind: "away",
      reason: "Log in again.",
    });
  credential = () => `Bearer ${key}`;
  await outcome;
  expect(kinds).toContain("connected");
});

test("its documents and those that are listed are all that a gateway with trusted documents takes", async () => {
  const file = join(await createTemporaryFolder(), "trusted.json");
  const viewer = { toString: () => "{ viewer { id } }", __meta__: { hash: "abc" } };
  await writeFile(file, JSON.stringify({ abc: "{ viewer { id scopes } }" }));
  const { client } = await openClient({ TRUSTED_DOCUMENTS: file, CONSOLE: "false" });
  const jobs = await collect(client.submitAndWatch(LANTERN_JOB));
  expect(jobs.at(-1)?.status).toBe("SUCCEEDED");
  const cursor = await new Promise((resolve, reject) => {
    const next = ({ jobsUpdated }: JobsUpdatedSubscription) => resolve(jobsUpdated.cursor);
    onTestFinished(client.subscribe(JOBS_UPDATED, { after: "" }, { next, error: reject }));
  });
  expect(cursor).toEqual(expect.any(String));
  for (const document of DOCUMENTS.filter((text) => !text.includes("subscription")))
    // They lack their variables, which is said only of those that are trusted.
    await expect(client.request(document, {})).rejects.not.toMatchObject({
      code: "PERSISTED_QUERY_REQUIRED",
    });
  expect(await client.request(viewer, {})).toMatchObject({
    viewer: { scopes: expect.any(Array) },
  });
  await expect(client.request("{ viewer { id } }", {})).rejects.toMatchObject({
    code: "PERSISTED_QUERY_REQUIRED",
  });
});

test("a null that stands for an error is not passed on as an answer, unless it stands further down", async () => {
  const errors = (path: readonly string[]) => [
    { message: "Try again.", path, extensions: { code: "UNAVAILABLE" } },
  ];
  const answers = [
    { data: { job: null }, errors: errors(["job"]) },
    { data: { deployment: { live: null } }, errors: errors(["deployment", "live"]) },
  ];
  const server = createServer((_, response) => response.end(JSON.stringify(answers.shift())));
  const { origin } = await listen(server);
  const client = createGatewayClient({ url: origin });
  await expect(client.request("{ job(id: 1) { id } }", {})).rejects.toMatchObject({
    code: "UNAVAILABLE",
    retryable: true,
  });
  const data = await client.request("{ deployment(id: 1) { live { status } } }", {});
  expect(data).toEqual({ deployment: { live: null } });
});
