import { isJsonObject, type JsonObject, type JsonValue } from "../../src/engine/job/json.ts";
import type { JobKind } from "../../src/engine/job/kind.ts";
import { nameUpstream } from "../../src/engine/job/upstream.ts";
import type { Chance } from "./chance.ts";
import { DEPLOYMENTS, NODE } from "./deployments.ts";
import { BEGINNING, SimulatedProcess, type World } from "./world.ts";

/** How likely each trap is, for a time. */
export type Weather = {
  /** A request does not arrive, and its sender knows. */
  readonly unreachable: number;
  /** A request arrives, and its answer never does: the connection breaks, or the sender gives up. */
  readonly answerLost: number;
  /** The answer takes up to so many ms. */
  readonly slowMs: number;
  readonly tooMany: number;
  /** So many of those with a Retry-After. */
  readonly retryAfter: number;
  readonly failing: number;
  /** A submit is refused because of the token, or because nothing is left to pay with. */
  readonly unpaid: number;
  /** An answer of before, a state that goes back, a word that nobody knows, a request that it does not know yet. */
  readonly stale: number;
  readonly garbage: number;
};

export const FAIR: Weather = {
  unreachable: 0,
  answerLost: 0,
  slowMs: 200,
  tooMany: 0,
  retryAfter: 0,
  failing: 0,
  unpaid: 0,
  stale: 0,
  garbage: 0,
};

export const SUBMITS_AT_ONCE = 5;

/** In any weather some answers come late. */
const LATE = 0.02;

export const OUTCOMES = ["succeeded", "failed", "cancelled", "completed-but-failed"] as const;
type Outcome = (typeof OUTCOMES)[number];

/** What RunComfy has accepted, and would bill. */
export type UpstreamRequest = {
  readonly id: string;
  readonly kind: JobKind;
  readonly deploymentId: string;
  /** Which job of a caller it is for, as its input says. */
  readonly mark: number;
  readonly acceptedAtMs: number;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly outcome: Outcome;
  isCancelled: boolean;
  /** How often it was asked about, and for its result. */
  polls: number;
  results: number;
};

/** A POST: when it left, and whether its sender can know that it was not accepted. */
export type Post = {
  readonly mark: number;
  readonly by: SimulatedProcess;
  /** Null while it is under way. */
  end: "refused" | "accepted" | "unknown" | null;
  isAccepted: boolean;
};

/** A RunComfy that keeps what was sent to it, and answers as its weather is. */
export class Upstream {
  /** As a gateway names it. */
  readonly name: string;
  readonly baseUrl: string;
  readonly modelUrl: string;
  readonly requests = new Map<string, UpstreamRequest>();
  readonly posts: Post[] = [];
  /** What must not happen, as it happened. */
  readonly broken: string[] = [];
  weather: Weather = FAIR;
  readonly #process: SimulatedProcess;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #others: () => readonly Upstream[];
  readonly #onPost: (mark: number, sender: string) => void;
  readonly #isRefused: (mark: number) => boolean;
  /** As a socket would hold them: the signal of a request that is collected never aborts. */
  readonly #underWay = new Set<unknown>();
  /** Until when each gateway was asked to call nobody. */
  readonly #pausedUntilMs = new Map<SimulatedProcess, number>();
  #freeFrom = new Map<string, number>();

  constructor(
    world: World,
    name: string,
    options: {
      readonly others: () => readonly Upstream[];
      /** Notified of a POST that leaves its sender. */
      readonly onPost: (mark: number, sender: string) => void;
      /** Whether a POST is answered with 429 in any weather. */
      readonly isRefused: (mark: number) => boolean;
    },
  ) {
    this.baseUrl = `https://${name}.invalid`;
    this.modelUrl = `https://models.${name}.invalid`;
    this.name = nameUpstream(this, null);
    this.#world = world;
    this.#process = new SimulatedProcess(world, `upstream ${name}`);
    this.#chance = this.#process.chance;
    this.#others = options.others;
    this.#onPost = options.onPost;
    this.#isRefused = options.isRefused;
  }

  /** What sends a gateway's requests here. */
  connect(process: SimulatedProcess) {
    return async (given: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
      if (process.isDead) return await new Promise(() => undefined);
      process.step();
      if (this.#world.nowMs < (this.#pausedUntilMs.get(process) ?? 0))
        this.broken.push(`${process.name} did not wait as long as it was asked to.`);
      const sent = new Request(given, init);
      const request = await toCall(sent);
      if (!sent.url.startsWith(`${request.isOfModel ? this.modelUrl : this.baseUrl}/`))
        this.broken.push(`${request.path} was sent to another service.`);
      const { promise, resolve, reject } = Promise.withResolvers<Answer>();
      const leave = (): void => reject(sent.signal.reason);
      sent.signal.throwIfAborted();
      sent.signal.addEventListener("abort", leave, { once: true });
      const post = request.call === "inference" ? this.#notePost(process, request) : null;
      this.#travel(process, request, post, resolve, reject);
      for (const one of [sent, given]) this.#underWay.add(one);
      try {
        const answer = await promise;
        if (post !== null) post.end = toEnd(answer);
        const { httpStatus, body, retryAfterMs } = answer;
        if (retryAfterMs !== null)
          this.#pausedUntilMs.set(process, this.#world.nowMs + retryAfterMs);
        const headers = retryAfterMs === null ? {} : { "retry-after": `${retryAfterMs / 1_000}` };
        return new Response(body, { status: httpStatus, headers });
      } catch (error) {
        if (post?.end === null) post.end = "unknown";
        throw error;
      } finally {
        sent.signal.removeEventListener("abort", leave);
        for (const one of [sent, given]) this.#underWay.delete(one);
        this.#world.note(process.name, request.call, request.path);
      }
    };
  }

  #travel(
    process: SimulatedProcess,
    request: Call,
    post: Post | null,
    resolve: (answer: Answer) => void,
    reject: (error: unknown) => void,
  ): void {
    const world = this.#world;
    const chance = this.#chance;
    const { unreachable, answerLost, slowMs } = this.weather;
    if (process.isCutFromUpstream || chance.happens(unreachable)) {
      world.schedule(process, chance.integer(1, 300), () => {
        if (post !== null) post.end = "refused";
        reject(broken("ECONNREFUSED", "connect"));
      });
      return;
    }
    world.schedule(this.#process, 5 + chance.random() * slowMs * 0.5, () => {
      const answer = this.#answer(request, post);
      if (chance.happens(answerLost)) {
        // Half of them leave their sender to its own patience.
        if (chance.happens(0.5))
          world.schedule(process, chance.integer(1, 2_000), () =>
            reject(broken("ECONNRESET", "read")),
          );
        return;
      }
      const lateMs = chance.happens(LATE) ? chance.random() * 12_000 : 0;
      world.schedule(process, 5 + chance.random() * slowMs + lateMs, () => resolve(answer));
    });
  }

  #notePost(process: SimulatedProcess, { json }: Call): Post {
    const mark = Number(json["mark"]);
    for (const before of this.posts) {
      if (before.mark !== mark || before.end === "refused") continue;
      this.broken.push(
        `A second POST of ${mark} left ${process.name}, after one of ${before.by.name} that may have been accepted.`,
      );
    }
    this.#onPost(mark, process.name);
    const post: Post = { mark, by: process, end: null, isAccepted: false };
    this.posts.push(post);
    const open = this.posts.filter(({ by, end }) => by === process && end === null);
    if (open.length > SUBMITS_AT_ONCE)
      this.broken.push(`${process.name} has ${open.length} POSTs under way.`);
    // Of a dead sender nobody will ever know.
    void process.death.then(() => (post.end ??= "unknown"));
    return post;
  }

  #answer(request: Call, post: Post | null): Answer {
    const chance = this.#chance;
    const { tooMany, retryAfter, failing, garbage } = this.weather;
    if (chance.happens(tooMany) || (post !== null && this.#isRefused(post.mark))) {
      const pauseMs = chance.happens(retryAfter) ? chance.integer(1, 8) * 1_000 : null;
      return json(429, { code: 429_001, message: "too many" }, pauseMs);
    }
    if (chance.happens(failing)) {
      // A gateway before RunComfy says nothing of what is behind it.
      if (request.call === "inference" && chance.happens(0.5) && post !== null)
        this.#accept(request, post);
      return toFailure(request, post);
    }
    if (post !== null && chance.happens(this.weather.unpaid))
      return json(post.mark % 2 === 0 ? 401 : 402, { code: 0, message: "not you, or unpaid" });
    if (chance.happens(garbage)) return { httpStatus: 200, retryAfterMs: null, body: "<html>" };
    switch (request.call) {
      case "inference":
        return post === null ? json(400, {}) : this.#accept(request, post);
      case "deployments":
        return json(200, []);
      default:
        return this.#answerAbout(request);
    }
  }

  #accept({ deploymentId, json: input }: Call, post: Post): Answer {
    const chance = this.#chance;
    const acceptedAtMs = this.#world.nowMs;
    const number = (name: string): number => Number(input[name] ?? 0);
    // One machine for each deployment, which is cold at first.
    const startsAtMs =
      Math.max(acceptedAtMs + number("coldMs"), this.#freeFrom.get(deploymentId) ?? 0) +
      chance.random() * 500;
    const endsAtMs = startsAtMs + number("runMs");
    this.#freeFrom.set(deploymentId, startsAtMs + number("runMs") * 0.2);
    const request: UpstreamRequest = {
      id: chance.uuid(),
      kind: DEPLOYMENTS.find(({ id }) => id === deploymentId)?.kind ?? "lora",
      deploymentId,
      mark: post.mark,
      acceptedAtMs,
      startsAtMs,
      endsAtMs,
      outcome: OUTCOMES[number("outcome")] ?? "succeeded",
      isCancelled: false,
      polls: 0,
      results: 0,
    };
    post.isAccepted = true;
    this.requests.set(request.id, request);
    this.#world.note(this.name, "accepts", post.mark, "as", request.id);
    return json(200, { request_id: request.id });
  }

  #answerAbout({ isOfModel, deploymentId, id, call }: Call): Answer {
    const request = this.requests.get(id);
    const chance = this.#chance;
    const isKnown = isOfModel ? request?.kind === "model" : request?.deploymentId === deploymentId;
    if (request === undefined || !isKnown) {
      if (this.#others().some((other) => other.requests.has(id)))
        this.broken.push(`${id} was asked about at ${this.name}, where it was not sent.`);
      return json(404, { code: 404_001, message: "no such request" });
    }
    request.polls += 1;
    if (call === "result") request.results += 1;
    const { stale } = this.weather;
    const isYoung = this.#world.nowMs - request.acceptedAtMs < 5_000;
    if (isYoung && chance.happens(stale))
      return json(404, { code: 404_001, message: "no such request" });
    if (call === "cancel") return this.#cancel(request);
    if (chance.happens(stale)) return json(200, { request_id: id, status: "resting" });
    const backMs = chance.happens(stale) ? chance.integer(0, 4_000) : 0;
    const state = stateOf(request, this.#world.nowMs - backMs);
    return json(200, call === "status" ? this.#toStatus(request, state) : toResult(request, state));
  }

  #cancel(request: UpstreamRequest): Answer {
    const { nowMs } = this.#world;
    const { id } = request;
    const state = stateOf(request, nowMs);
    // It may take note, and let the run go on all the same.
    if (state === "in_progress" && this.#chance.happens(0.5))
      return json(200, { request_id: id, status: "completed", outcome: "cancellation_requested" });
    if (state !== "in_queue")
      return json(200, { request_id: id, status: "completed", outcome: "not_cancellable" });
    request.isCancelled = true;
    this.#world.note(this.name, "cancels", request.mark);
    const outcome = this.#chance.happens(0.5) ? "cancelled" : "cancellation_requested";
    return json(200, { request_id: id, status: "completed", outcome });
  }

  #toStatus(request: UpstreamRequest, state: string): JsonObject {
    const { id, deploymentId, startsAtMs } = request;
    if (state === "in_queue") {
      const before = [...this.requests.values()].filter(
        (other) =>
          other.deploymentId === deploymentId &&
          !other.isCancelled &&
          other.startsAtMs < startsAtMs &&
          other.startsAtMs > this.#world.nowMs,
      );
      return { request_id: id, status: state, queue_position: before.length };
    }
    return { request_id: id, status: state };
  }
}

/** How RunComfy would say that it is. */
function stateOf(request: UpstreamRequest, nowMs: number): string {
  const { isCancelled, startsAtMs, endsAtMs, outcome } = request;
  if (isCancelled) return "cancelled";
  if (nowMs < startsAtMs) return "in_queue";
  if (nowMs < endsAtMs) return "in_progress";
  return outcome === "succeeded" || outcome === "completed-but-failed" ? "completed" : outcome;
}

/** What it costs; null where RunComfy never says, as of deployments and of every seventh run of a model. */
export function costOf({ kind, mark }: Pick<UpstreamRequest, "kind" | "mark">): number | null {
  return kind === "model" && mark % 7 !== 3 ? ((mark % 1_000) + 1) / 1_000 : null;
}

/** How a job has to end that was accepted as this. */
export function truthOf(request: UpstreamRequest): "SUCCEEDED" | "FAILED" | "CANCELLED" {
  if (request.isCancelled || request.outcome === "cancelled") return "CANCELLED";
  return request.outcome === "succeeded" ? "SUCCEEDED" : "FAILED";
}

function toResult(request: UpstreamRequest, state: string): JsonObject {
  const { id, endsAtMs, outcome } = request;
  const finished_at = new Date(Math.floor(BEGINNING + endsAtMs)).toISOString();
  switch (state) {
    case "completed":
      return outcome === "succeeded"
        ? { request_id: id, status: state, finished_at, ...toOutput(request) }
        : { request_id: id, status: state, finished_at, error: { message: outcome } };
    case "failed":
      return { request_id: id, status: state, finished_at, error: "It failed." };
    default:
      return { request_id: id, status: state };
  }
}

/** Every other model's cost comes late. */
function toOutput(request: UpstreamRequest): JsonObject {
  const { kind, mark, results } = request;
  switch (kind) {
    case "lora":
      return { output: { mark, images: [`https://pictures.invalid/${mark}.png`] } };
    case "comfyui":
      return { outputs: { 9: { text: [[`${mark}`]] } } };
    default: {
      const cost = mark % 2 === 0 || results > 1 ? costOf(request) : null;
      return { output: { mark }, ...(cost !== null && { cost }) };
    }
  }
}

/** What may come of a POST that was accepted, too. */
const DOUBTS = [
  json(502, "bad gateway"),
  json(503, { error_code: 503_001, error_message: "deploying" }),
  json(408, "too slow"),
];
const ODD = json(400, { error_code: 400_009, error_message: "odd" });
const DOUBTS_OF_MODELS = [ODD, ...DOUBTS, ODD, ODD];

/** Of the callers' jobs each has one of its own. */
function toFailure({ isOfModel }: Call, post: Post | null): Answer {
  const doubts = isOfModel ? DOUBTS_OF_MODELS : DOUBTS;
  return doubts[(post?.mark ?? 0) % doubts.length] ?? json(502, "bad gateway");
}

function toEnd({ httpStatus, body }: Answer): Post["end"] {
  if ([401, 402, 429].includes(httpStatus)) return "refused";
  return httpStatus === 200 && body.startsWith("{") ? "accepted" : "unknown";
}

function json(httpStatus: number, value: JsonValue, retryAfterMs: number | null = null): Answer {
  return { httpStatus, retryAfterMs, body: JSON.stringify(value) };
}

/** As undici's `fetch` rejects. */
function broken(code: string, syscall: string): TypeError {
  const cause = Object.assign(new Error(code), { code, syscall });
  return new TypeError("fetch failed", { cause });
}

type Answer = {
  readonly httpStatus: number;
  readonly retryAfterMs: number | null;
  readonly body: string;
};

/** A request: its path, what that says, and the input in its body. */
type Call = {
  readonly path: string;
  readonly isOfModel: boolean;
  readonly deploymentId: string;
  /** Of the request that it is about. */
  readonly id: string;
  readonly call: string;
  readonly json: JsonObject;
};

/** As the caller gave it, whichever kind it is for. */
function toInput(body: JsonObject): JsonObject {
  const { overrides = null } = body;
  const node = isJsonObject(overrides) ? overrides[NODE] : null;
  return isJsonObject(node) && isJsonObject(node["inputs"]) ? node["inputs"] : body;
}

const PATHS = [
  /^v1\/(?<call>models)\/(?<deploymentId>.+)$/,
  /^v1\/requests\/(?<id>[^/]+)\/(?<call>\w+)$/,
  /^prod\/v\d\/deployments\/(?<deploymentId>[^/]+)\/(?:requests\/(?<id>[^/]+)\/)?(?<call>\w+)$/,
  /^prod\/v2\/(?<call>deployments)$/,
];

async function toCall(request: Request): Promise<Call> {
  const path = new URL(request.url).pathname.slice(1);
  const text = request.body === null ? "{}" : await request.text();
  const found = PATHS.map((pattern) => pattern.exec(path)?.groups).find((one) => one !== undefined);
  const { call = "", deploymentId = "", id = "" } = found ?? {};
  const body: JsonObject = JSON.parse(text);
  return {
    ...{ path, deploymentId, id },
    isOfModel: path.startsWith("v1/"),
    call: call === "models" ? "inference" : call,
    json: toInput(body),
  };
}
