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
import { readBalance } from "../../engine/runcomfy/read-balance.ts";
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
export type Fact = Evidence & {
  readonly name: string;
  /** The file that relies on it. */
  readonly reliedOn: string;
};

type Evidence = {
  /** What says so. */
  readonly knownFrom: string;
  /** The exchanges that can show it. */
  readonly of: readonly Purpose[];
  readonly check: Check;
};

type Check = (exchange: Exchange, context: Context) => Shown;

/**
 * What an exchange shows of a fact: null for nothing, true for what was expected, false for a difference that lies in how
 * the exchange ended, a text for any other. Words have no value of an answer but a status, a host of RunComfy's and numbers.
 */
type Shown = null | boolean | string | { readonly expected: string };

export type Context = {
  /** All, in their order. */
  readonly exchanges: readonly Exchange[];
  /** What the user says that deployments are, by id. */
  readonly named: ReadonlyMap<string, JobKind>;
  /** The origins that were asked. */
  readonly origins: readonly string[];
};

const KEPT_SECONDS = 7 * 86_400;
/** How far off a clock or an expiry may be; a zone is further. */
const TOLERANCE_SECONDS = 600;
/** With the result, and twice more. */
const COST_TRIES = 3;
const CANCEL_WORDS: ReadonlySet<JsonValue | undefined> = new Set([
  ...["completed", "cancelled", "canceled", "cancellation_requested", "not_cancellable"],
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

/** All of them, by the file that relies on them, as docs/verified.md lists them. */
export const FACTS: readonly Fact[] = Object.entries<Readonly<Record<string, Evidence>>>({
  "src/engine/runcomfy/live-deployments.ts": {
    "The token is accepted": page(
      ["list", "models"],
      ({ error }) => error?.code !== "UNAUTHORIZED" || "refused",
    ),
    "`ids` asks for one of the list": client(["list-by-id"], hasRecord),
    "The list leaves out an id that is unknown": guess(
      ["list-unknown"],
      (exchange) => exchange.error === null && !hasRecord(exchange),
    ),
    "The list shows a workflow's graph as `payload.workflow_api_json`, with `includes=payload`":
      page(["list-payloads"], ofEach("comfyui", showGraph)),
  },
  "src/engine/runcomfy/read-deployments.ts": {
    "The list of deployments is an array, bare or in `deployments`, and each has an id": page(
      ["list"],
      ({ body = null, error }) => {
        if (error?.code === "UNAUTHORIZED") return null;
        const count = readLiveDeployments(body)?.length;
        const records = toRecords(body) ?? [];
        if (count !== records.length) return describeValue(body);
        const workflows = records.filter(({ workflow_id: id }) => isText(id)).length;
        return { expected: `${count} deployments, ${workflows} with a workflow_id` };
      },
    ),
    "A deployment's record has its name, hardware, instances, queue, status and whether it is enabled":
      client(["list", "deployment"], ({ body }) =>
        judgeEach(toRecords(body) ?? [], (record) => hasMembers(record, DEPLOYMENT_MEMBERS)),
      ),
  },
  "src/engine/runcomfy/read-balance.ts": {
    "The balance is `balance_usd`, in US dollars": client(
      ["balance"],
      ({ body = null, error }) =>
        error === null && (readBalance(body) !== null || describeValue(body)),
    ),
  },
  "src/engine/runcomfy/kinds/comfyui/kind.ts": {
    "A workflow has a `workflow_id`": client(
      ["list", "list-payloads"],
      ofEach("comfyui", ({ workflow_id: id }) => isText(id) || describeValue(id)),
    ),
    "A LoRA has no `workflow_id`": guess(
      ["list"],
      ofEach("lora", ({ workflow_id: id }) => !isText(id) || "it has one"),
    ),
  },
  "src/engine/runcomfy/wire.ts": {
    "A submit is answered with a `request_id`": page(
      ["submit"],
      ({ body = null, error }) => error === null && readRequestId(body) !== null,
    ),
    "An answer about a request has the `request_id` that was asked for": page(
      ["status", "early-result", "result", "cancel"],
      ({ body, id, error }) => {
        const answered = member(body, "request_id");
        if (error !== null) return null;
        return answered === id || (isText(answered) ? "another one" : describeValue(answered));
      },
    ),
    "The word of a status is known": page(["status"], (exchange) =>
      judge((readStatus(exchange)?.state ?? "unknown") !== "unknown", describeEnd(exchange)),
    ),
    "A result that is asked for early says that the job goes on": page(
      ["early-result"],
      (exchange) => {
        const { kind = null } = readResult(exchange) ?? {};
        // It may have ended by then.
        if (kind !== null && kind !== "unfinished") return null;
        return judge(kind !== null, describeEnd(exchange));
      },
    ),
    "The result of a job that has ended says how": page(["result"], (exchange) => {
      const { kind = "unfinished" } = readResult(exchange) ?? {};
      return judge(kind !== "unfinished", describeEnd(exchange));
    }),
    "The gateway can read times": page(["list", "deployment", "result"], ({ body, purpose }) => {
      const records = purpose === "result" ? [body].filter(isJsonObject) : toRecords(body);
      const times = (records ?? []).flatMap(({ created_at, updated_at, finished_at }) =>
        [created_at, updated_at, finished_at].filter(isText),
      );
      return judgeEach(times, (time) => {
        if (readUpstreamTime(time) === null) return "another form";
        return { expected: HAS_ZONE.test(time) ? "with a zone" : "without a zone" };
      });
    }),
    "A time without a zone is in UTC": guess(["result"], ({ body, id }, { exchanges }) => {
      const createdAt = readUpstreamTime(member(body, "created_at"))?.getTime();
      const submit = exchanges.find(
        (one) => one.purpose === "submit" && member(one.body, "request_id") === id,
      );
      if (createdAt === undefined || submit === undefined) return null;
      const seconds = Math.round((createdAt - submit.sentAt) / 1_000);
      return Math.abs(seconds) < TOLERANCE_SECONDS || `${seconds} s off by this machine's clock`;
    }),
    "The words of a cancel's answer are known": page(["cancel"], (exchange) => {
      const words = ["outcome", "status"].flatMap((name) => member(exchange.body, name) ?? []);
      const seen = words.map(describeWord).join(", ") || describeEnd(exchange);
      return judge(words.length > 0 && words.every((word) => CANCEL_WORDS.has(word)), seen);
    }),
  },
  "src/commands/catalogue-client.ts": {
    "One deployment is read at an address of its own": client(["deployment"], hasRecord),
    "A single deployment shows that graph too, with `includes=payload`": page(
      ["deployment"],
      ofEach("comfyui", showGraph),
    ),
    "A LoRA shows no graph, with `includes=payload`": guess(
      ["list-payloads", "deployment"],
      ofEach("lora", (record) => !hasGraph(record) || "one"),
    ),
    "`payload.object_info_url` is at the API's own address": client(
      ["deployment"],
      ofEach("comfyui", (record, { origins }) => {
        const url = member(record["payload"], "object_info_url");
        if (!hasGraph(record)) return null;
        return origins.includes(toUrl(url)?.origin ?? "") || describeHost(url);
      }),
    ),
    "The list of models has `models`, each with a `model_id`, and `total`": client(
      ["models"],
      ({ body }) => {
        const models = toObjects(member(body, "models"));
        const isWhole = models.length > 0 && models.every(({ model_id: id }) => isText(id));
        return (isWhole && Number.isInteger(member(body, "total"))) || describeValue(body);
      },
    ),
    "A model's record has its name, price, unit and `input_schema`": client(["model"], ({ body }) =>
      isJsonObject(body) ? hasMembers(body, MODEL_MEMBERS) : null,
    ),
  },
  "src/engine/runcomfy/vendor-schema.ts": {
    "The gateway can check an input by a model's `input_schema`": client(
      ["model"],
      ({ body, id }) => {
        const inputSchema = member(body, "input_schema");
        if (!isJsonObject(inputSchema)) return null;
        const entry = { id, kind: "model", name: "Model", inputSchema };
        const { problems } = readCatalogue({ deployments: [entry] }, "runcomfy");
        return problems.length === 0 || `${problems.length} problems`;
      },
    ),
  },
  "src/engine/runcomfy/answer-error.ts": {
    "What is unknown is not found, and the answer is JSON": page(
      ["unknown"],
      ({ error }) => error?.code === "NOT_FOUND",
    ),
    "A wrong token is refused as such": page(
      ["wrong-token"],
      ({ error }) => error?.code === "UNAUTHORIZED",
    ),
    "An error has `error_code`, `error_message` or `detail`": page(
      ["unknown", "wrong-token", "refused"],
      ({ body = null, error }) =>
        error && (readErrorEnvelope(body) !== null || describeValue(body)),
    ),
    "A wrong input is refused before it is accepted": page(
      ["refused"],
      ({ error }) => error?.code === "REJECTED" && error.delivery === "refused",
    ),
    "The refusal of a wrong input names the fields": page(
      ["refused"],
      ({ body, error }) =>
        error && (error.issues?.some(({ path }) => path.length > 0) || describeValue(body)),
    ),
  },
  "src/engine/tracking/poller.ts": {
    "A job that waits has a `queue_position`": page(["status"], (exchange) => {
      const place = readPlace(exchange);
      if (place === null) return describeValue(member(exchange.body, "queue_position"));
      return place === undefined ? null : { expected: `${place}` };
    }),
    "A queue is first in, first out": guess(["status"], (later, { exchanges }) => {
      // The job that was submitted first is asked about right after the other.
      const earlier = exchanges[exchanges.indexOf(later) + 1];
      if (earlier === undefined || earlier.id === later.id) return null;
      const [behind = null, front = null] = [later, earlier].map(readPlace);
      if (behind === null || front === null) return null;
      return judge(behind > front, `${behind} behind ${front}`);
    }),
  },
  "src/engine/tracking/cancel-job.ts": {
    "A job that waits can be cancelled, and then its status and its result say so": page(
      ["cancel"],
      (cancel, { exchanges }) => {
        const ofJob = exchanges.filter(({ id }) => id === cancel.id);
        const at = ofJob.indexOf(cancel);
        const before = ofJob[at - 1];
        const after = ofJob.slice(at);
        const status = after.findLast(({ purpose }) => purpose === "status");
        const result = after.findLast(({ purpose }) => purpose === "result");
        if (!status || !result || !before || readPlace(before) === undefined) return null;
        const ends = [readStatus(status)?.state, readResult(result)?.kind];
        const isCancelled = ends.every((end) => end === "cancelled");
        return isCancelled || `${describeEnd(status)}, ${describeEnd(result)}`;
      },
    ),
  },
  "src/engine/tracking/late-costs.ts": {
    "A model's `cost` comes with the result, or 60 s later at most": client(
      ["result"],
      (exchange, { exchanges }) => {
        const { id, purpose, body } = exchange;
        const tries = exchanges.filter((one) => one.purpose === purpose && one.id === id);
        const result = tries[0] === exchange ? readResult(exchange) : null;
        if (result?.kind !== "succeeded" || result.cost === undefined) return null;
        const index = tries.findIndex((one) => Number.isFinite(member(one.body, "cost")));
        if (index === -1) return describeValue(member(body, "cost"));
        if (index >= COST_TRIES) return "still later";
        return { expected: index === 0 ? "at once" : "later" };
      },
    ),
  },
  "src/engine/runcomfy/kinds/lora/adapter.ts": {
    "The `output` of a LoRA has lists of URLs": page(
      ["result"],
      ofOutput("lora", "output", (output) => toMembers(output).some(isTexts)),
    ),
  },
  "src/engine/runcomfy/kinds/comfyui/adapter.ts": {
    "The `outputs` of a workflow have lists of files by nodes": page(
      ["result"],
      ofOutput("comfyui", "outputs", (outputs) =>
        toMembers(outputs).every((node) => toMembers(node).every(isJsonArray)),
      ),
    ),
  },
  "src/engine/runcomfy/kinds/model/adapter.ts": {
    "The `output` of a model has URLs": page(
      ["result"],
      ofOutput("model", "output", () => true),
    ),
  },
  "src/engine/files/fetch-file.ts": {
    "A file is at an https address of RunComfy's": client(["file"], ({ body }, { origins }) => {
      const { origin = "", protocol, hostname = "" } = toUrl(member(body, "url")) ?? {};
      if (origins.includes(origin)) return true;
      const host = describeHost(member(body, "url"));
      const isFine = protocol === "https:" && isOwnHost(hostname);
      return isFine ? { expected: host } : `${protocol} at ${host}`;
    }),
    "A file is read without the token, and without a redirect": page(["file"], ({ httpStatus }) =>
      httpStatus === null ? null : httpStatus === 200 || `HTTP ${httpStatus}`,
    ),
  },
  "src/api/schema/files.ts": {
    "Nothing says that a file expires before 7 days": page(["file"], ({ body, sentAt }) => {
      const seconds = readLifeSeconds(body, sentAt);
      const maxAge = match(/max-age=(\d+)/, member(body, "cacheControl"));
      const end = seconds === null ? "no end is named" : `it ends in ${seconds} s`;
      const seen = maxAge === undefined ? end : `${end}, max-age is ${maxAge} s`;
      return judge((seconds ?? Infinity) > KEPT_SECONDS - TOLERANCE_SECONDS, seen);
    }),
  },
}).flatMap(([reliedOn, facts]) =>
  Object.entries(facts).map(([name, evidence]) => Object.assign(evidence, { name, reliedOn })),
);

const HAS_ZONE = /(?:Z|[+-]\d{2}:?\d{2})$/i;

function page(of: readonly Purpose[], check: Check): Evidence {
  return { knownFrom: "RunComfy's pages alone", of, check };
}

function client(of: readonly Purpose[], check: Check): Evidence {
  return { knownFrom: "what RunComfy's and others' clients do", of, check };
}

function guess(of: readonly Purpose[], check: Check): Evidence {
  return { knownFrom: "guesses", of, check };
}

/** The same words, whether they are expected or not. */
function judge(isExpected: boolean, seen: string): Shown {
  return isExpected ? { expected: seen } : seen;
}

/** What all of them show together. */
function judgeEach<One>(all: readonly One[], check: (one: One) => Shown): Shown {
  const shown = all.map(check).filter((one) => one !== null);
  const odd = shown.filter((one) => typeof one === "string");
  if (odd.length > 0) return [...new Set(odd)].slice(0, 3).join("; ");
  const usual = shown.flatMap((one) => (typeof one === "object" ? one.expected : []));
  if (usual.length > 0) return { expected: [...new Set(usual)].join(" and ") };
  return shown.length === 0 ? null : shown.every((one) => one === true);
}

/** Of the records that are surely of a kind: the user says so, or there is a graph. */
function ofEach(kind: JobKind, check: (record: JsonObject, context: Context) => Shown): Check {
  return ({ body }, context) => {
    const records = (toRecords(body) ?? []).filter((record) => {
      const { id } = record;
      const own = isText(id) ? context.named.get(id) : undefined;
      return (own ?? (hasGraph(record) ? "comfyui" : null)) === kind;
    });
    return judgeEach(records, (record) => check(record, context));
  };
}

function showGraph(record: JsonObject): Shown {
  return hasGraph(record) || describeValue(record["payload"]);
}

function hasMembers(record: JsonObject, members: Members): Shown {
  const odd = Object.entries(members).filter(([name, fits]) => !fits(record[name]));
  const seen = odd.map(([name]) => `${name} is ${describeValue(record[name])}`);
  return seen.length === 0 || seen.join(", ");
}

/** Of a success of this kind: whether files are found, and it has the expected form. */
function ofOutput(
  kind: JobKind,
  name: string,
  fits: (output: JsonValue | undefined) => boolean,
): Check {
  return (exchange) => {
    const report = readResult(exchange);
    if (exchange.kind !== kind || report?.kind !== "succeeded") return null;
    const output = member(exchange.body, name);
    // Nothing comes of a workflow whose nodes were all cached.
    if (name === "outputs" && Object.keys(Object(output)).length === 0) return null;
    const count = findAdapter(kind).findAssets(report.output, null).length;
    return count > 0 && fits(output) ? { expected: `${count} files` } : describeValue(output);
  };
}

/** The place of a job that waits: null where none is given, undefined where it does not wait. */
function readPlace(exchange: Exchange): number | null | undefined {
  const { state, queuePosition } = readStatus(exchange) ?? {};
  return state === "queued" ? queuePosition : undefined;
}

function hasRecord({ body, id, error }: Exchange): boolean {
  return error === null && toRecords(body)?.some((record) => record["id"] === id) === true;
}

/** How long a file's URL works, as far as that or a header says; null where neither does. */
function readLifeSeconds(body: JsonValue | undefined, now: number): number | null {
  const { searchParams } = toUrl(member(body, "url")) ?? {};
  const signed = searchParams?.get("X-Amz-Expires") ?? searchParams?.get("X-Goog-Expires");
  const end = match(/expiry-date="([^"]+)"/, member(body, "expiration"));
  const seconds = [Number(signed ?? Infinity), end ? (Date.parse(end) - now) / 1_000 : Infinity];
  const least = Math.round(Math.min(...seconds));
  return Number.isFinite(least) ? least : null;
}

function match(pattern: RegExp, header: JsonValue | undefined): string | undefined {
  return isText(header) ? pattern.exec(header)?.[1] : undefined;
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
