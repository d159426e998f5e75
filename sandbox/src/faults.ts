import { type Answer, json, refusal } from "./answer.ts";
import { OUTPUT_SHAPES, type Shapes } from "./output-shapes.ts";

const CALLS = ["submit", "status", "result", "cancel", "list", "models", "balance"] as const;
/** The last one is a call of the sandbox's own, which no fault spoils, and which has shapes. */
export type Call = (typeof CALLS)[number] | "webhook";

/** Deployments of LoRAs and workflows have one set of paths and codes, models another. */
export type Api = "deployments" | "models";

/** What one call falls into. */
type Effect = {
  /** In place of what the call would do; where the APIs have different codes, that of the one that was called. */
  readonly answer?: Answer | Readonly<Record<Api, Answer>>;
  /** How the answer goes out, where it does not simply. */
  readonly delivery?: Answer["delivery"];
  /** The job that is submitted fails. */
  readonly isFailing?: true;
  /** The answer has the shape of that name. */
  readonly isShape?: true;
};

const ASKED = "The sandbox was asked for this error.";
const SOON = { "retry-after": "3" };
const HTML = { "content-type": "text/html; charset=utf-8" };
const NOTHING = { status: 200, headers: {}, body: "" };

/**
 * Where sources disagree on how RunComfy answers, the ways that the sandbox does not by itself, each with the calls whose
 * answers it changes.
 */
const SHAPES: Readonly<Record<string, readonly Call[]>> = {
  "short-submit": ["submit"],
  "refused-400": ["submit"],
  "other-words": ["status", "result"],
  "no-position": ["status"],
  "not-ready-400": ["result"],
  "error-text": ["result"],
  "error-object": ["result"],
  "error-list": ["result"],
  "zoned-times": ["result"],
  "no-cost": ["result"],
  "late-cost": ["result"],
  "high-cost": ["result"],
  "balance-zero": ["balance", "submit"],
  "balance-negative": ["balance", "submit"],
  "old-cancel": ["cancel"],
  "requested-cancel": ["cancel"],
  "cancel-running": ["cancel"],
  "list-object": ["list"],
  "webhook-late": ["webhook"],
  "webhook-twice": ["webhook"],
  "webhook-never": ["webhook"],
  "webhook-forged": ["webhook"],
  ...Object.fromEntries(OUTPUT_SHAPES.map((shape) => [`output-${shape}`, ["result"] as const])),
};

/** Every fault by its name; README.md says what each is. */
const FAULTS: Readonly<Record<string, Effect>> = {
  "error-500": { answer: refusal(500_001, ASKED) },
  "error-200": { answer: json(200, { error_code: 403_003, error_message: ASKED }) },
  "html-502": { answer: { status: 502, headers: HTML, body: "<h1>Bad Gateway</h1>" } },
  "unavailable-503": { answer: refusal(503_001, ASKED, SOON) },
  "rate-limited-429": { answer: refusal(429_001, ASKED, SOON) },
  "unauthorized-401": { answer: toRefusals(401_001, 400_004, 401) },
  "unauthorized-400": { answer: toRefusals(401_001, 400_004, 400) },
  "forbidden-403": { answer: toRefusals(403_003, 403_001, 403) },
  "not-found-404": { answer: refusal(404_001, ASKED) },
  // Of deployments, the vendor's code for this begins with no HTTP status.
  "no-funds-400": { answer: toRefusals(10_001, 400_002, 400) },
  "no-funds-402": { answer: toRefusals(10_001, 400_002, 402) },
  "not-json": { answer: { ...NOTHING, body: '{"status": "succ' } },
  "no-connection": { answer: NOTHING, delivery: "cut" },
  "lost-answer": { delivery: "cut" },
  "half-answer": { delivery: "half" },
  "no-answer": { delivery: "never" },
  "slow-answer": { delivery: "slow" },
  "failed-job": { isFailing: true },
  ...Object.fromEntries(Object.keys(SHAPES).map((name) => [name, { isShape: true } as const])),
};

function toRefusals(ofDeployments: number, ofModels: number, status: number) {
  return {
    deployments: refusal(ofDeployments, ASKED, {}, status),
    models: refusal(ofModels, ASKED, {}, status),
  };
}

export type Faults = {
  /** Takes the place of all faults before; an empty list ends them. Throws a sentence where a text is no fault. */
  set(texts: readonly string[]): void;
  /** What this call falls into: the first fault that is set for it, and every shape, each one time less from now on. */
  take(
    call: Call,
    api: Api,
  ): {
    readonly answer: Answer | undefined;
    readonly delivery: NonNullable<Answer["delivery"]>;
    readonly isFailing: boolean;
    readonly shapes: Shapes;
  };
};

/** Faults as texts: `error-500`, `lost-answer:submit`, `rate-limited-429:status,result*3` for three calls of these. */
export function createFaults(texts: readonly string[]): Faults {
  let faults = texts.map(parseFault);
  return {
    set(next) {
      faults = next.map(parseFault);
    },
    take(call, api) {
      const set = faults.filter(({ calls, left }) => calls.includes(call) && left > 0);
      const fault = set.find(({ effect }) => !effect.isShape);
      const shapes = set.filter(({ effect }) => effect.isShape);
      for (const taken of [...shapes, ...(fault ? [fault] : [])]) taken.left -= 1;
      const { answer, delivery = "whole", isFailing = false } = fault?.effect ?? {};
      return {
        answer: answer && "models" in answer ? answer[api] : answer,
        delivery,
        isFailing,
        shapes: new Set(shapes.map(({ name }) => name)),
      };
    },
  };
}

function parseFault(text: string) {
  const [, name = "", named, times] = /^([\w-]+)(?::([a-z,]+))?(?:\*(\d+))?$/.exec(text) ?? [];
  const effect = Object.hasOwn(FAULTS, name) ? FAULTS[name] : undefined;
  const givenCalls = named?.split(",") ?? [];
  const calls: readonly string[] = named === undefined ? (SHAPES[name] ?? CALLS) : givenCalls;
  if (effect === undefined || !givenCalls.every((call) => CALLS.some((one) => one === call)))
    throw new Error(
      `"${text}" is no fault. Write one as name, name:call,call or name:call*times, with a name of ${Object.keys(FAULTS).join(", ")} and calls of ${CALLS.join(", ")}.`,
    );
  return { name, effect, calls, left: times === undefined ? Infinity : Number(times) };
}
