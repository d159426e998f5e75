import { readCatalogue } from "../../engine/deployments/load-catalogue.ts";
import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from "../../engine/job/json.ts";
import type { JobKind } from "../../engine/job/kind.ts";
import { readErrorEnvelope } from "../../engine/runcomfy/answer-error.ts";
import { findAdapter } from "../../engine/runcomfy/kinds/find-kind.ts";
import { readLiveDeployments } from "../../engine/runcomfy/read-deployments.ts";
import { readRequestId, readUpstreamTime } from "../../engine/runcomfy/wire.ts";
import {
  describeEnd,
  describeHost,
  describeValue,
  describeWord,
  type Exchange,
  hasGraph,
  isOwnHost,
  isText,
  member,
  type Purpose,
  readResult,
  readStatus,
  toObjects,
  toRecords,
} from "./answers.ts";

/** Something that the gateway takes for granted about RunComfy. */
export type Fact = {
  readonly name: string;
  /** The file that relies on it. */
  readonly reliedOn: string;
  /** What says so. */
  readonly knownFrom: KnownFrom;
  /** The exchanges that can show it. */
  readonly of: readonly Purpose[];
  /** Null where this one shows nothing of it. */
  readonly check: (exchange: Exchange, context: Context) => Verdict | null;
};

type KnownFrom = typeof PAGES | typeof CLIENTS | typeof GUESS;

/** `seen` has no value of an answer but the word of a status, a host of RunComfy's and numbers. */
type Verdict = { readonly isExpected: boolean; readonly seen: string };

export type Context = {
  /** All, in their order. */
  readonly exchanges: readonly Exchange[];
  /** What the user says that deployments are, by id. */
  readonly named: ReadonlyMap<string, JobKind>;
  /** The origins that were asked. */
  readonly origins: readonly string[];
};

const PAGES = "RunComfy's pages alone";
const CLIENTS = "what RunComfy's and others' clients do";
const GUESS = "guesses";

const KEPT_SECONDS = 7 * 86_400;
/** How far off a clock or an expiry may be; a zone is further. */
const TOLERANCE_SECONDS = 600;
/** With the result, and once more. */
const COST_TRIES = 2;

const CANCEL_WORDS = new Set<JsonValue | undefined>([
  "completed",
  "cancelled",
  "canceled",
  "cancellation_requested",
  "not_cancellable",
]);

/** What a record has, by what each member may be. */
type Members = Readonly<Record<string, (value: JsonValue | undefined) => boolean>>;

const DEPLOYMENT_MEMBERS: Members = {
  name: isText,
  hardware: (value = null) => isJsonArray(value) && value.every(isText),
  min_instances: Number.isInteger,
  max_instances: Number.isInteger,
  queue_size: Number.isInteger,
  keep_warm_duration_in_seconds: Number.isInteger,
  is_enabled: (value) => typeof value === "boolean",
  status: isText,
};
const MODEL_MEMBERS: Members = {
  display_name: isText,
  base_price_usd: Number.isFinite,
  price_unit: isText,
  input_schema: isJsonObject,
};

/** All of them, as docs/verified.md lists them. */
export const FACTS: readonly Fact[] = [
  {
    name: "The token is accepted",
    reliedOn: "src/engine/runcomfy/live-deployments.ts",
    knownFrom: PAGES,
    of: ["list", "balance", "models"],
    check: ({ error }) => judge(error?.code !== "UNAUTHORIZED", "refused"),
  },
  {
    name: "The balance is a number of dollars",
    reliedOn: "sandbox/src/endpoints.ts",
    knownFrom: CLIENTS,
    of: ["balance"],
    check: ({ body }) => judge(Number.isFinite(member(body, "balance_usd")), describeValue(body)),
  },
  {
    name: "The list of deployments is an array, bare or in `deployments`, and each has an id",
    reliedOn: "src/engine/runcomfy/wire.ts",
    knownFrom: PAGES,
    of: ["list"],
    check({ body = null, error }) {
      if (error?.code === "UNAUTHORIZED") return null;
      const count = readLiveDeployments(body)?.length;
      const records = toRecords(body) ?? [];
      const workflows = records.filter(({ workflow_id: id }) => isText(id)).length;
      const seen = `${count} deployments, ${workflows} with a workflow_id`;
      return judge(count === records.length, describeValue(body), seen);
    },
  },
  {
    name: "A deployment's record has its name, hardware, instances, queue, status and whether it is enabled",
    reliedOn: "src/engine/runcomfy/wire.ts",
    knownFrom: CLIENTS,
    of: ["list", "deployment"],
    check: ({ body }) => judgeAll(toRecords(body), (record) => findOdd(record, DEPLOYMENT_MEMBERS)),
  },
  {
    name: "`ids` asks for one of the list",
    reliedOn: "src/engine/runcomfy/live-deployments.ts",
    knownFrom: CLIENTS,
    of: ["list-by-id"],
    check: (exchange) => judge(hasRecord(exchange), describeEnd(exchange)),
  },
  {
    name: "The list leaves out an id that is unknown",
    reliedOn: "src/engine/runcomfy/live-deployments.ts",
    knownFrom: GUESS,
    of: ["list-unknown"],
    check: (exchange) =>
      judge(exchange.error === null && !hasRecord(exchange), describeEnd(exchange)),
  },
  {
    name: "One deployment is read at an address of its own",
    reliedOn: "src/commands/catalogue-client.ts",
    knownFrom: CLIENTS,
    of: ["deployment"],
    check: (exchange) => judge(hasRecord(exchange), describeEnd(exchange)),
  },
  {
    name: "A workflow has a `workflow_id`",
    reliedOn: "src/engine/runcomfy/wire.ts",
    knownFrom: CLIENTS,
    of: ["list", "list-payloads"],
    check: (exchange, { named }) =>
      judgeAll(findKind("comfyui", exchange, named), ({ workflow_id: id }) =>
        isText(id) ? null : describeValue(id),
      ),
  },
  {
    name: "A LoRA has no `workflow_id`",
    reliedOn: "src/engine/runcomfy/wire.ts",
    knownFrom: GUESS,
    of: ["list"],
    check: (exchange, { named }) =>
      judgeAll(findKind("lora", exchange, named), ({ workflow_id: id }) =>
        isText(id) ? "it has one" : null,
      ),
  },
  {
    name: "The list shows a workflow's graph as `payload.workflow_api_json`, with `includes=payload`",
    reliedOn: "src/engine/runcomfy/live-deployments.ts",
    knownFrom: PAGES,
    of: ["list-payloads"],
    check: (exchange, { named }) =>
      judgeAll(findKind("comfyui", exchange, named), (record) =>
        hasGraph(record) ? null : describeValue(record["payload"]),
      ),
  },
  {
    name: "A single deployment shows that graph too, with `includes=payload`",
    reliedOn: "src/commands/catalogue-client.ts",
    knownFrom: PAGES,
    of: ["deployment"],
    check: (exchange, { named }) =>
      judgeAll(findKind("comfyui", exchange, named), (record) =>
        hasGraph(record) ? null : describeValue(record["payload"]),
      ),
  },
  {
    name: "A LoRA shows no graph, with `includes=payload`",
    reliedOn: "src/commands/catalogue-client.ts",
    knownFrom: GUESS,
    of: ["list-payloads", "deployment"],
    check: (exchange, { named }) =>
      judgeAll(findKind("lora", exchange, named), (record) => (hasGraph(record) ? "one" : null)),
  },
  {
    name: "`payload.object_info_url` is at the API's own address",
    reliedOn: "src/commands/catalogue-client.ts",
    knownFrom: CLIENTS,
    of: ["deployment"],
    check: (exchange, { named, origins }) =>
      judgeAll(findKind("comfyui", exchange, named).filter(hasGraph), ({ payload }) => {
        const url = member(payload, "object_info_url");
        return origins.includes(toUrl(url)?.origin ?? "") ? null : describeHost(url);
      }),
  },
  {
    name: "The list of models has `models`, each with a `model_id`, and `total`",
    reliedOn: "src/commands/catalogue-client.ts",
    knownFrom: CLIENTS,
    of: ["models"],
    check({ body }) {
      const models = toObjects(member(body, "models"));
      const isWhole = models.length > 0 && models.every(({ model_id: id }) => isText(id));
      return judge(isWhole && Number.isInteger(member(body, "total")), describeValue(body));
    },
  },
  {
    name: "A model's record has its name, price, unit and `input_schema`",
    reliedOn: "src/commands/catalogue-client.ts",
    knownFrom: CLIENTS,
    of: ["model"],
    check: ({ body }) =>
      judgeAll([body].filter(isJsonObject), (model) => findOdd(model, MODEL_MEMBERS)),
  },
  {
    name: "The gateway can check an input by a model's `input_schema`",
    reliedOn: "src/engine/runcomfy/vendor-schema.ts",
    knownFrom: CLIENTS,
    of: ["model"],
    check({ body, id }) {
      const inputSchema = member(body, "input_schema");
      if (!isJsonObject(inputSchema)) return null;
      const entry = { id, kind: "model", name: "Model", inputSchema };
      const { problems } = readCatalogue({ deployments: [entry] }, "runcomfy");
      return judge(problems.length === 0, `${problems.length} problems`);
    },
  },
  {
    name: "What is unknown is not found, and the answer is JSON",
    reliedOn: "src/engine/runcomfy/answer-error.ts",
    knownFrom: PAGES,
    of: ["unknown"],
    check: (exchange) => judge(exchange.error?.code === "NOT_FOUND", describeEnd(exchange)),
  },
  {
    name: "A wrong token is refused as such",
    reliedOn: "src/engine/runcomfy/answer-error.ts",
    knownFrom: PAGES,
    of: ["wrong-token"],
    check: (exchange) => judge(exchange.error?.code === "UNAUTHORIZED", describeEnd(exchange)),
  },
  {
    name: "An error has `error_code`, `error_message` or `detail`",
    reliedOn: "src/engine/runcomfy/answer-error.ts",
    knownFrom: PAGES,
    of: ["unknown", "wrong-token", "refused"],
    check: ({ body = null, error }) =>
      error && judge(readErrorEnvelope(body) !== null, describeValue(body)),
  },
  {
    name: "A wrong input is refused before it is accepted",
    reliedOn: "src/engine/runcomfy/answer-error.ts",
    knownFrom: PAGES,
    of: ["refused"],
    check(exchange) {
      const { code, delivery } = exchange.error ?? {};
      return judge(code === "REJECTED" && delivery === "refused", describeEnd(exchange));
    },
  },
  {
    name: "The refusal of a wrong input names the fields",
    reliedOn: "src/engine/runcomfy/answer-error.ts",
    knownFrom: PAGES,
    of: ["refused"],
    check({ body, error }) {
      const isNamed = error?.issues?.some(({ path }) => path.length > 0) === true;
      return error && judge(isNamed, describeValue(body));
    },
  },
  {
    name: "A submit is answered with a `request_id`",
    reliedOn: "src/engine/runcomfy/wire.ts",
    knownFrom: PAGES,
    of: ["submit"],
    check(exchange) {
      const { body = null, error } = exchange;
      return judge(error === null && readRequestId(body) !== null, describeEnd(exchange));
    },
  },
  {
    name: "An answer about a request has the `request_id` that was asked for",
    reliedOn: "src/engine/runcomfy/wire.ts",
    knownFrom: PAGES,
    of: ["status", "early-result", "result", "cancel"],
    check({ body, id, error }) {
      const answered = member(body, "request_id");
      const seen = isText(answered) ? "another one" : describeValue(answered);
      return error === null ? judge(answered === id, seen) : null;
    },
  },
  {
    name: "The word of a status is known",
    reliedOn: "src/engine/runcomfy/wire.ts",
    knownFrom: PAGES,
    of: ["status"],
    check(exchange) {
      const state = readStatus(exchange)?.state ?? "unknown";
      return judge(state !== "unknown", describeEnd(exchange), describeEnd(exchange));
    },
  },
  {
    name: "A job that waits has a `queue_position`",
    reliedOn: "src/engine/tracking/poller.ts",
    knownFrom: PAGES,
    of: ["status"],
    check(exchange) {
      const place = readPlace(exchange);
      if (place === undefined) return null;
      return judge(
        place !== null,
        describeValue(member(exchange.body, "queue_position")),
        `${place}`,
      );
    },
  },
  {
    name: "A queue is first in, first out",
    reliedOn: "src/engine/tracking/poller.ts",
    knownFrom: GUESS,
    of: ["status"],
    check(later, { exchanges }) {
      // The job that was submitted first is asked about right after the other.
      const earlier = exchanges[exchanges.indexOf(later) + 1];
      if (earlier === undefined || earlier.id === later.id) return null;
      const [behind = null, front = null] = [later, earlier].map(readPlace);
      if (behind === null || front === null) return null;
      const seen = `${behind} behind ${front}`;
      return judge(behind > front, seen, seen);
    },
  },
  {
    name: "A result that is asked for early says that the job goes on",
    reliedOn: "src/engine/runcomfy/wire.ts",
    knownFrom: PAGES,
    of: ["early-result"],
    check(exchange) {
      const kind = readResult(exchange)?.kind ?? null;
      // It may have ended by then.
      if (kind !== null && kind !== "unfinished") return null;
      return judge(kind !== null, describeEnd(exchange), describeEnd(exchange));
    },
  },
  {
    name: "The result of a job that has ended says how",
    reliedOn: "src/engine/runcomfy/wire.ts",
    knownFrom: PAGES,
    of: ["result"],
    check(exchange) {
      const { kind = "unfinished" } = readResult(exchange) ?? {};
      return judge(kind !== "unfinished", describeEnd(exchange), describeEnd(exchange));
    },
  },
  {
    name: "The `output` of a LoRA has lists of URLs",
    reliedOn: "src/engine/runcomfy/kinds/lora/adapter.ts",
    knownFrom: PAGES,
    of: ["result"],
    check: (exchange) =>
      judgeOutput("lora", exchange, "output", (output) => toMembers(output).some(isTexts)),
  },
  {
    name: "The `outputs` of a workflow have lists of files by nodes",
    reliedOn: "src/engine/runcomfy/kinds/comfyui/adapter.ts",
    knownFrom: PAGES,
    of: ["result"],
    check: (exchange) =>
      judgeOutput("comfyui", exchange, "outputs", (outputs) =>
        toMembers(outputs).every((node) => toMembers(node).every(isJsonArray)),
      ),
  },
  {
    name: "The `output` of a model has URLs",
    reliedOn: "src/engine/runcomfy/kinds/model/adapter.ts",
    knownFrom: PAGES,
    of: ["result"],
    check: (exchange) => judgeOutput("model", exchange, "output", () => true),
  },
  {
    name: "A file is at an https address of RunComfy's",
    reliedOn: "src/engine/files/fetch-file.ts",
    knownFrom: CLIENTS,
    of: ["file"],
    check({ body }, { origins }) {
      const { origin = "", protocol, hostname = "" } = toUrl(member(body, "url")) ?? {};
      if (origins.includes(origin)) return judge(true, "");
      const host = describeHost(member(body, "url"));
      return judge(protocol === "https:" && isOwnHost(hostname), `${protocol} at ${host}`, host);
    },
  },
  {
    name: "A file is read without the token, and without a redirect",
    reliedOn: "src/engine/files/fetch-file.ts",
    knownFrom: PAGES,
    of: ["file"],
    check: ({ httpStatus }) =>
      httpStatus === null ? null : judge(httpStatus === 200, `HTTP ${httpStatus}`),
  },
  {
    name: "Nothing says that a file expires before 7 days",
    reliedOn: "src/api/schema/files.ts",
    knownFrom: PAGES,
    of: ["file"],
    check({ body, sentAt }) {
      const seconds = readLifeSeconds(body, sentAt);
      const [, maxAge] = /max-age=(\d+)/.exec(readHeader(body, "cache-control")) ?? [];
      const end = seconds === null ? "no end is named" : `it ends in ${seconds} s`;
      const seen = maxAge === undefined ? end : `${end}, max-age is ${maxAge} s`;
      return judge((seconds ?? Infinity) > KEPT_SECONDS - TOLERANCE_SECONDS, seen, seen);
    },
  },
  {
    name: "The gateway can read times",
    reliedOn: "src/engine/runcomfy/wire.ts",
    knownFrom: PAGES,
    of: ["list", "deployment", "result"],
    check({ body, purpose }) {
      const records = purpose === "result" ? [body].filter(isJsonObject) : toRecords(body);
      const times = (records ?? []).flatMap(({ created_at, updated_at, finished_at }) =>
        [created_at, updated_at, finished_at].filter(isText),
      );
      return judgeAll(
        times,
        (time) => (readUpstreamTime(time) === null ? "another form" : null),
        (time) => (HAS_ZONE.test(time) ? "with a zone" : "without a zone"),
      );
    },
  },
  {
    name: "A time without a zone is in UTC",
    reliedOn: "src/engine/runcomfy/wire.ts",
    knownFrom: GUESS,
    of: ["result"],
    check({ body, id }, { exchanges }) {
      const createdAt = readUpstreamTime(member(body, "created_at"))?.getTime();
      const submit = exchanges.find(
        (one) => one.purpose === "submit" && member(one.body, "request_id") === id,
      );
      if (createdAt === undefined || submit === undefined) return null;
      const seconds = Math.round((createdAt - submit.sentAt) / 1_000);
      const seen = `${seconds} s off by this machine's clock`;
      return judge(Math.abs(seconds) < TOLERANCE_SECONDS, seen);
    },
  },
  {
    name: "A model's `cost` comes with the result, or 2 s later",
    reliedOn: "src/engine/tracking/late-costs.ts",
    knownFrom: CLIENTS,
    of: ["result"],
    check(exchange, { exchanges }) {
      const { id, purpose, body } = exchange;
      const tries = exchanges.filter((one) => one.purpose === purpose && one.id === id);
      const isFirst = tries[0] === exchange;
      const result = isFirst ? readResult(exchange) : null;
      if (result?.kind !== "succeeded" || result.cost === undefined) return null;
      const index = tries.findIndex((one) => Number.isFinite(member(one.body, "cost")));
      const seen = index === -1 ? describeValue(member(body, "cost")) : "still later";
      return judge(index >= 0 && index < COST_TRIES, seen, index === 0 ? "at once" : "later");
    },
  },
  {
    name: "The words of a cancel's answer are known",
    reliedOn: "src/engine/runcomfy/wire.ts",
    knownFrom: PAGES,
    of: ["cancel"],
    check(exchange) {
      const { outcome, status } = isJsonObject(exchange.body) ? exchange.body : {};
      const words = [outcome, status].filter((word) => word !== undefined);
      const seen = words.map(describeWord).join(", ") || describeEnd(exchange);
      return judge(words.length > 0 && words.every((word) => CANCEL_WORDS.has(word)), seen, seen);
    },
  },
  {
    name: "A job that waits can be cancelled, and then its status and its result say so",
    reliedOn: "src/engine/tracking/cancel-job.ts",
    knownFrom: PAGES,
    of: ["cancel"],
    check(cancel, { exchanges }) {
      const ofJob = exchanges.filter(({ id }) => id === cancel.id);
      const before = ofJob[ofJob.indexOf(cancel) - 1];
      const [status, result] = ["status", "result"].map((purpose) =>
        ofJob.slice(ofJob.indexOf(cancel)).findLast((one) => one.purpose === purpose),
      );
      if (!status || !result || !before || readPlace(before) === undefined) return null;
      const ends = [readStatus(status)?.state, readResult(result)?.kind];
      const seen = `${describeEnd(status)}, ${describeEnd(result)}`;
      return judge(
        ends.every((end) => end === "cancelled"),
        seen,
      );
    },
  },
];

const HAS_ZONE = /(?:Z|[+-]\d{2}:?\d{2})$/i;

function judge(isExpected: boolean, otherwise: string, expected = ""): Verdict {
  return { isExpected, seen: isExpected ? expected : otherwise };
}

/** By what is odd of each, or null. Where there are none, nothing is shown. */
function judgeAll<One>(
  all: readonly One[] | null,
  findOdd: (one: One) => string | null,
  describe?: (one: One) => string,
): Verdict | null {
  if (all === null || all.length === 0) return null;
  const odd = [...new Set(all.flatMap((one) => findOdd(one) ?? []))];
  const usual = describe === undefined ? [] : [...new Set(all.map(describe))];
  return judge(odd.length === 0, odd.slice(0, 3).join("; "), usual.join(" and "));
}

function findOdd(record: JsonObject, members: Members): string | null {
  const odd = Object.entries(members)
    .filter(([name, fits]) => !fits(record[name]))
    .map(([name]) => `${name} is ${describeValue(record[name])}`);
  return odd.join(", ") || null;
}

/** Of a success of this kind: whether files are found, and it looks as it should. */
function judgeOutput(
  kind: JobKind,
  exchange: Exchange,
  name: string,
  fits: (output: JsonValue | undefined) => boolean,
): Verdict | null {
  const report = readResult(exchange);
  if (exchange.kind !== kind || report?.kind !== "succeeded") return null;
  const output = member(exchange.body, name);
  // Nothing comes of a workflow whose nodes were all cached.
  if (name === "outputs" && Object.keys(Object(output)).length === 0) return null;
  const count = findAdapter(kind).findAssets(report.output, null).length;
  const isExpected = count > 0 && fits(output);
  return judge(isExpected, describeValue(output), `${count} files`);
}

/** The place of a job that waits: null where none is told, undefined where it does not wait. */
function readPlace(exchange: Exchange): number | null | undefined {
  const { state, queuePosition } = readStatus(exchange) ?? {};
  return state === "queued" ? queuePosition : undefined;
}

function hasRecord({ body, id, error }: Exchange): boolean {
  return error === null && toRecords(body)?.some((record) => record["id"] === id) === true;
}

/** Those that are surely of a kind: the user says so, or there is a graph. */
function findKind(kind: JobKind, { body }: Exchange, named: Context["named"]) {
  return (toRecords(body) ?? []).filter((record) => {
    const { id } = record;
    const own = isText(id) ? named.get(id) : undefined;
    return (own ?? (hasGraph(record) ? "comfyui" : null)) === kind;
  });
}

/** How long a file's URL works, as far as that or a header says; null where neither does. */
function readLifeSeconds(body: JsonValue | undefined, now: number): number | null {
  const { searchParams } = toUrl(member(body, "url")) ?? {};
  const signed = searchParams?.get("X-Amz-Expires") ?? searchParams?.get("X-Goog-Expires");
  const [, end] = /expiry-date="([^"]+)"/.exec(readHeader(body, "x-amz-expiration")) ?? [];
  const seconds = [Number(signed ?? Infinity), end ? (Date.parse(end) - now) / 1_000 : Infinity];
  const least = Math.round(Math.min(...seconds));
  return Number.isFinite(least) ? least : null;
}

function readHeader(body: JsonValue | undefined, name: string): string {
  const value = member(member(body, "headers"), name);
  return isText(value) ? value : "";
}

function toMembers(value: JsonValue | undefined): readonly JsonValue[] {
  return isJsonObject(value) ? Object.values(value) : [];
}

function toUrl(value: JsonValue | undefined): URL | null {
  return typeof value === "string" ? URL.parse(value) : null;
}

function isTexts(value: JsonValue): boolean {
  return isJsonArray(value) && value.some(isText);
}
