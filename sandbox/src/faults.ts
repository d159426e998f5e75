import { type Answer, refusal } from "./answer.ts";

const CALLS = ["submit", "status", "result", "cancel", "list"] as const;
type Call = (typeof CALLS)[number];

/** What one call falls into. */
type Effect = {
  /** In place of what the call would do. */
  readonly answer?: Answer;
  /** How the answer goes out, where it does not simply. */
  readonly delivery?: Answer["delivery"];
  /** The job that is submitted fails. */
  readonly isFailing?: true;
};

const ASKED = "The sandbox was asked for this error.";
const SOON = { "retry-after": "3" };
const HTML = { "content-type": "text/html; charset=utf-8" };
const NOTHING = { status: 200, headers: {}, body: "" };

/** Every fault by its name; README.md says what each is. */
const FAULTS: Readonly<Record<string, Effect>> = {
  "error-500": { answer: refusal(500_001, ASKED) },
  "html-502": { answer: { status: 502, headers: HTML, body: "<h1>Bad Gateway</h1>" } },
  "unavailable-503": { answer: refusal(503_001, ASKED, SOON) },
  "rate-limited-429": { answer: refusal(429_001, ASKED, SOON) },
  "unauthorized-401": { answer: refusal(401_001, ASKED) },
  "forbidden-403": { answer: refusal(403_003, ASKED) },
  "not-found-404": { answer: refusal(404_001, ASKED) },
  // The vendor's code for this begins with no HTTP status.
  "no-funds-400": { answer: refusal(10_001, ASKED, {}, 400) },
  "not-json": { answer: { ...NOTHING, body: '{"status": "succ' } },
  "no-connection": { answer: NOTHING, delivery: "cut" },
  "lost-answer": { delivery: "cut" },
  "half-answer": { delivery: "half" },
  "no-answer": { delivery: "never" },
  "slow-answer": { delivery: "slow" },
  "failed-job": { isFailing: true },
};

export type Faults = {
  /** Takes the place of all faults before; an empty list ends them. Throws a sentence where a text is no fault. */
  set(texts: readonly string[]): void;
  /** What this call falls into: the first fault that is set for it, one time less from now on. */
  take(call: Call): Effect;
};

/** Faults as texts: `error-500`, `lost-answer:submit`, `rate-limited-429:status,result*3` for three calls of these. */
export function createFaults(texts: readonly string[]): Faults {
  let faults = texts.map(parseFault);
  return {
    set(next) {
      faults = next.map(parseFault);
    },
    take(call) {
      const fault = faults.find(({ calls, left }) => calls.includes(call) && left > 0);
      if (fault === undefined) return {};
      fault.left -= 1;
      return fault.effect;
    },
  };
}

function parseFault(text: string) {
  const [, name = "", named, times] = /^([\w-]+)(?::([a-z,]+))?(?:\*(\d+))?$/.exec(text) ?? [];
  const effect = Object.hasOwn(FAULTS, name) ? FAULTS[name] : undefined;
  const calls = named?.split(",") ?? CALLS;
  if (effect === undefined || !calls.every((call) => CALLS.some((one) => one === call)))
    throw new Error(
      `"${text}" is no fault. Write one as name, name:call,call or name:call*times, with a name of ${Object.keys(FAULTS).join(", ")} and calls of ${CALLS.join(", ")}.`,
    );
  return { effect, calls, left: times === undefined ? Infinity : Number(times) };
}
