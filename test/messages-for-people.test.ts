import { pino } from "pino";
import { expect, test } from "vitest";

import { createChannels } from "../src/engine/diagnostics/channels.ts";
import type { UpstreamErrorCode } from "../src/engine/job/errors.ts";
import { checkJson } from "../src/engine/job/input.ts";
import {
  DeploymentNotFoundError,
  deploymentPaused,
  expired,
  IdempotencyConflictError,
  inferenceFailed,
  INVALID_RESPONSE,
  InvalidInputError,
  JobNotCancellableError,
  JobNotFinishedError,
  JobNotFoundError,
  LOST,
  SUBMISSION_UNKNOWN,
  UPSTREAM_SENTENCES,
  UpstreamError,
} from "../src/engine/job/errors.ts";
import { createJob, JOB_STATUSES } from "../src/engine/job/job.ts";
import type { JsonValue } from "../src/engine/job/json.ts";
import { readErrorEnvelope, toAnswerError } from "../src/engine/runcomfy/answer-error.ts";
import { DEPLOYMENT_ERRORS } from "../src/engine/runcomfy/services.ts";
import { ByteLimit, TOO_MUCH_SENT, TOO_MUCH_UNREAD } from "../src/runtime/byte-limit.ts";
import { createMaskError } from "../src/api/operations/mask-error.ts";
import { createRequestRates, createSlots } from "../src/api/operations/owner-limits.ts";
import {
  DatabaseUnreachableError,
  DatabaseBusyError,
  DatabaseDiskError,
} from "../src/engine/store/database-error.ts";
import { createQuota } from "../src/engine/tracking/quota.ts";
import { checkOf } from "./support/document-of.ts";
import { createViewer } from "./support/viewers.ts";

/** A variable, a name or a code of the API, or what only a programmer or an operator can look at. */
const FOR_PROGRAMMERS =
  /`|[a-z][A-Z]|\b[A-Z]+_[A-Z]+\b|\b(IN_QUEUE|SUCCEEDED|FAILED|gateway|upstream|API|schema|dashboard|query|JSON|percent-encode)\b/;
const UPSTREAM_CODES = Object.keys(UPSTREAM_SENTENCES).filter(isUpstreamCode);
const NEXT_STEP = /\b(ask|check|choose|close|contact|correct|look|submit|try|wait)\b/i;

const job = createJob({
  ownerId: "a",
  kind: "lora",
  deploymentId: "d",
  upstream: "sandbox",
  apiVersion: "v1",
  now: new Date(0),
});
const silent = pino({ level: "silent" });

async function caught(promise: Promise<unknown> | (() => unknown)): Promise<Error> {
  try {
    await (typeof promise === "function" ? promise() : promise);
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing was thrown");
}

async function listLimits(): Promise<readonly string[]> {
  const viewer = createViewer({
    limits: { requestsPerSecond: 1, submitsPerMinute: 1, jobsPerDay: 2, sockets: 0 },
  });
  const counted = (count: number, endsInMs: number, by = viewer) =>
    createQuota({
      quotas: {
        count: async (name) => ({
          key: name,
          count: name === "jobs" ? count : 0,
          endsInMs,
          endsAtMs: 1,
        }),
        discount: async () => undefined,
      },
      log: silent,
    }).count(by);
  const channels = createChannels();
  const rates = createRequestRates(channels);
  rates.take(viewer);
  const errors = await Promise.all([
    caught(() => rates.take(viewer)),
    caught(counted(3, 40_000_000)),
    caught(counted(2, 40_000_000, createViewer({ limits: { jobsPerDay: 1 } }))),
    caught(() => createSlots({ what: "sockets", most: 9, channels }).take(viewer)),
    ...[TOO_MUCH_SENT, TOO_MUCH_UNREAD].map((problem) =>
      caught(() => new ByteLimit(problem, 2).take(3)),
    ),
  ]);
  return errors.map(({ message }) => message);
}

test("what people read says what they can do, and speaks of nothing that only programmers see", async () => {
  const messages = [
    new InvalidInputError([]),
    new DeploymentNotFoundError("warm", { nearMisses: ["warm-glow"] }),
    new DeploymentNotFoundError("robot", { unlisted: "workflow" }),
    new DeploymentNotFoundError("robot", { isChanged: true }),
    new DeploymentNotFoundError("google/veo-3", { unlisted: "model" }),
    new IdempotencyConflictError("job_1"),
    new IdempotencyConflictError("job_1", "deleted"),
    new JobNotFoundError("job_1"),
    ...JOB_STATUSES.map((status) => new JobNotCancellableError({ ...job, status })),
    ...JOB_STATUSES.map((status) => new JobNotFinishedError({ ...job, status })),
    ...UPSTREAM_CODES.map((code) => new UpstreamError(code)),
    ...UPSTREAM_CODES.map((code) => new UpstreamError(code, { retryAfterMs: 3_000 })),
    deploymentPaused("Its workflow is being changed"),
    inferenceFailed(null),
    inferenceFailed("CUDA out of memory"),
    SUBMISSION_UNKNOWN,
    LOST,
    INVALID_RESPONSE,
    expired(86_400),
    expired(90, true),
    ...[
      new Error("oops"),
      new DatabaseBusyError({}),
      new DatabaseUnreachableError({}),
      new DatabaseDiskError("full", {}),
      new DatabaseDiskError("damaged", {}),
      new DatabaseDiskError("failing", {}),
    ].map(createMaskError({ log: silent, hasSuggestions: true })),
  ].map(({ message }) => message);
  const texts = [...messages, ...(await listLimits())].map((text) =>
    text.replaceAll("RunComfy", "Upstairs"),
  );
  expect(texts.filter((text) => FOR_PROGRAMMERS.test(text))).toEqual([]);
  expect(texts.filter((text) => !NEXT_STEP.test(text))).toEqual([]);
  // Whole sentences: one that ends in a reason of the upstream's ends like the others.
  expect(texts.filter((text) => !/^[A-Z].*\.$/.test(text))).toEqual([]);
});

test("one of a thing is said in the singular", async () => {
  expect((await listLimits()).join()).toMatch(/submitted 1 job, the most/);
});

test("how long to wait is said as people say it", async () => {
  expect(new UpstreamError("RATE_LIMITED", { retryAfterMs: 12_000 }).message).toMatch(
    /Try again in 12 seconds\.$/,
  );
  expect(new UpstreamError("UNAVAILABLE", { retryAfterMs: 1_000 }).message).toMatch(/in 1 second/);
  expect(new UpstreamError("UNAVAILABLE").message).toMatch(/in a few seconds\.$/);
  expect((await listLimits()).join()).toMatch(/Submit again in 12 hours\./);
  expect(expired(86_400).message).toMatch(/within 24 hours/);
  expect(expired(600).message).toMatch(/within 10 minutes/);
});

test("a run that failed for a reason says that, and what to do", () => {
  const messages = ["Out of memory", "Out of memory.", "The list of layers is too long…"].map(
    (reason) => inferenceFailed(reason).message,
  );
  expect(messages).toEqual([
    "The run failed: Out of memory. Check your input, then submit again.",
    "The run failed: Out of memory. Check your input, then submit again.",
    "The run failed: The list of layers is too long… Check your input, then submit again.",
  ]);
});

test.each<[string, JsonValue, JsonValue]>([
  ["contains", { contains: { type: "null" } }, [1]],
  ["maxContains", { contains: true, minContains: 1, maxContains: 2 }, [1, 2, 3]],
  ["anyOf", { anyOf: [{ minimum: 3 }, { multipleOf: 2 }] }, 1],
  ["oneOf", { oneOf: [{ minimum: 3 }, { multipleOf: 2 }] }, 4],
  ["not", { not: { type: "null" } }, null],
  ["format", { type: "string", format: "image_uri" }, "https://example.com/a b.png"],
])("an issue of %s speaks of nothing that only programmers see", (_, schema, value) => {
  const { issues } = checkOf({ type: "object", properties: { x: schema } })({ x: value });
  expect(issues).not.toEqual([]);
  for (const { message } of issues) expect(message).not.toMatch(FOR_PROGRAMMERS);
});

test("an issue that RunComfy gives no words for reads after its field, like all others", () => {
  const refused = (value: JsonValue) =>
    toAnswerError(
      "submit",
      {
        ...{ httpStatus: 422, retryAfterMs: null, isLarge: false },
        body: { kind: "json", envelope: readErrorEnvelope(value) },
      },
      DEPLOYMENT_ERRORS,
    ).issues?.map(({ message }) => message);
  const named = refused({ detail: [{ loc: ["body", "seed"], msg: "" }] });
  expect([named, refused({ detail: "no" })]).toEqual([
    ["is not accepted by RunComfy, which gives no reason; try another value"],
    ["is not accepted by RunComfy, which gives no reason; check every field"],
  ]);
});

test("what can't be stored is reported without the words of an encoding", () => {
  const messages = checkJson({ a: "\0", b: "\ud800", c: 2 ** 60, d: Infinity }).issues.map(
    ({ message }) => message,
  );
  expect(messages).toEqual([
    "holds an invisible character that can't be stored (U+0000); type it again",
    "holds half a character, as a cut emoji leaves it; type it again",
    "is too large to be exact; choose a whole number from -9007199254740991 to 9007199254740991",
    "is too large; choose a smaller number",
  ]);
});

function isUpstreamCode(code: string): code is UpstreamErrorCode {
  return code in UPSTREAM_SENTENCES;
}
