import type { JsonObject, JsonValue } from "../../engine/job/json.ts";
import type { JobKind } from "../../engine/job/kind.ts";
import type { RequestReference, Target } from "../../engine/runcomfy/adapter.ts";
import { findAdapter, findKind } from "../../engine/runcomfy/kinds/find-kind.ts";
import { isModelId } from "../../engine/runcomfy/kinds/model/model-id.ts";
import { BALANCE_PATH } from "../../engine/runcomfy/read-balance.ts";
import {
  readLiveDeployments,
  toDeploymentPath,
  toListPath,
} from "../../engine/runcomfy/read-deployments.ts";
import {
  describeEnd,
  type Exchange,
  isOutage,
  member,
  type Purpose,
  readResult,
  readStatus,
  toObjects,
} from "./answers.ts";
import type { Exchanges } from "./exchanges.ts";

/** What nobody has. */
const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";
const UNKNOWN_MODEL = "runcomfy-graphql/unknown";
const WRONG_TOKEN = "wrong";
/** Of how many deployments it is asked what they run, and how many are read one by one. */
const MAX_PAYLOADS = 20;
const MAX_RECORDS = 3;
const MAX_FILES = 3;

const POLL_MS = 3_000;
/** So many answers in a row that say nothing of a job end the wait for it. */
const MAX_FAILURES = 10;
/** When a model's cost is asked for again: when the gateway does, then later. */
const COST_DELAYS_MS = [2_000, 58_000, 30_000] as const;
const ENDED = new Set<string | undefined>(["finished", "succeeded", "failed", "cancelled"]);

/**
 * Sends all GETs that need no job. Where the first one shows that the others would be of no use, it is the last, and is
 * what this resolves with; null otherwise.
 */
export async function sendGets(
  { send }: Exchanges,
  options: {
    readonly deploymentIds: readonly string[];
    /** Null for the first of the list; left out where models are off. */
    readonly modelId?: string | null;
    readonly apiVersion: string;
  },
): Promise<Exchange | null> {
  const { deploymentIds, modelId, apiVersion } = options;
  const call = "list";
  const get = async (purpose: Purpose, path: string | null, id: string | null = null) =>
    await send({ purpose, service: "deployments", call, path, id });
  const list = await get("list", toListPath("all"));
  if (isOutage(list) || list.error?.code === "UNAUTHORIZED") return list;
  const listed = (readLiveDeployments(list.body ?? null) ?? []).map(({ id }) => id);
  const ids = [...new Set([...deploymentIds, ...listed])].slice(0, MAX_PAYLOADS);
  const [id] = ids;
  if (id !== undefined) {
    await get("list-by-id", toListPath([id]), id);
    await get("list-payloads", `${toListPath(ids)}&includes=payload`);
  }
  for (const one of ids.slice(0, Math.max(deploymentIds.length, MAX_RECORDS)))
    await get("deployment", toDeploymentPath(one), one);
  await send({ purpose: "balance", service: "deployments", call: "balance", path: BALANCE_PATH });
  await get("list-unknown", toListPath([UNKNOWN_ID]), UNKNOWN_ID);
  for (const one of new Set([id ?? UNKNOWN_ID, UNKNOWN_ID]))
    for (const verb of ["status", "result"])
      await get("unknown", `prod/${apiVersion}/deployments/${one}/requests/${UNKNOWN_ID}/${verb}`);
  const wrong = { purpose: "wrong-token", call, token: WRONG_TOKEN } as const;
  await send({ ...wrong, service: "deployments", path: toListPath([UNKNOWN_ID]) });
  if (modelId === undefined) return null;

  const service = "models";
  const models = await send({ purpose: "models", service, call, path: "v1/models?limit=20" });
  const first = toObjects(member(models.body, "models"))[0]?.["model_id"];
  const model = modelId ?? first;
  if (isModelId(model))
    await send({ purpose: "model", service, call, path: `v1/models/${model}`, id: model });
  const requests = ["status", "result"].map((verb) => `v1/requests/${UNKNOWN_ID}/${verb}`);
  for (const path of [`v1/models/${UNKNOWN_MODEL}`, ...requests])
    await send({ purpose: "unknown", service, call, path });
  await send({ ...wrong, service, path: "v1/models?limit=1" });
  return null;
}

/**
 * Sends a wrong input, then the input twice: the first job is followed to its end, and the second is cancelled while it
 * waits. No submit is repeated, and none follows a wrong input that may have been accepted.
 */
export async function runJobs(
  exchanges: Exchanges,
  target: Target,
  input: JsonObject,
): Promise<void> {
  const { submit, ask, open, print } = exchanges;
  const wrong = await submit(target, toWrong(target.kind, input), "refused");
  if (wrong !== "refused") return await exchanges.cancelOpen();
  const first = await submit(target, input, "submit");
  if (typeof first === "string") return;
  await ask(first, "status");
  await ask(first, "result", "early-result");
  const second = await submit(target, input, "submit");
  let shown = "";
  if (typeof second !== "string") {
    await ask(second, "status");
    // Right after the other, so that their places in the queue can be compared.
    await ask(first, "status");
    await ask(second, "cancel");
    // The status, as the answer of a cancel is not the last word of each kind. What has ended is not cancelled again.
    const status = await ask(second, "status");
    shown = describeEnd(status);
    print(`${second.requestId}: ${shown}`);
    if (ENDED.has(readStatus(status)?.state)) open.delete(second.requestId);
  }
  await follow(exchanges, first);
  if (typeof second !== "string") await follow(exchanges, second, shown);
}

/** The input with a value of another type in the place of each. */
function toWrong(kind: JobKind, input: JsonObject): JsonObject {
  const members = Object.entries<JsonValue>({ ...findKind(kind).verify.usual, ...input });
  return Object.fromEntries(
    members.map(([name, value]) => [name, typeof value === "object" ? "wrong" : {}]),
  );
}

/** Polls a job to its end, and reads what comes of it. `shown` is the status that was printed last. */
async function follow(exchanges: Exchanges, request: RequestReference, shown = ""): Promise<void> {
  const { ask, askForFile, wait, open, print } = exchanges;
  const { kind, requestId } = request;

  /** Asks until an answer is the last one; null where too many say nothing. */
  async function poll(
    call: "status" | "result",
    isLast: (answer: Exchange) => boolean,
  ): Promise<Exchange | null> {
    for (let failures = 0; failures < MAX_FAILURES; await wait(POLL_MS)) {
      const answer = await ask(request, call);
      if (isLast(answer)) return answer;
      failures = answer.error === null ? 0 : failures + 1;
    }
    return null;
  }

  let last = shown;
  const end = await poll("status", (status) => {
    const word = describeEnd(status);
    if (word !== last) print(`${requestId}: ${word}`);
    last = word;
    return ENDED.has(readStatus(status)?.state);
  });
  if (end === null) return;
  open.delete(requestId);
  const result = await poll("result", (answer) => {
    const report = readResult(answer);
    return report !== null && report.kind !== "unfinished";
  });
  const report = result && readResult(result);
  if (report?.kind !== "succeeded") return;
  for (let tries = 0, { cost } = report; cost === "not-yet"; tries += 1) {
    const delayMs = COST_DELAYS_MS[tries];
    if (delayMs === undefined) break;
    await wait(delayMs);
    const later = readResult(await ask(request, "result"));
    if (later?.kind === "succeeded") ({ cost } = later);
  }
  for (const { url } of findAdapter(kind).findAssets(report.output, null).slice(0, MAX_FILES))
    await askForFile(url, request);
}
