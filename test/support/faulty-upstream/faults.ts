import type { ServerResponse } from "node:http";

import { begin, drip, html, json, limit, pour, refuse, text } from "./answers.ts";

/** The calls that the upstream serves. */
export const UPSTREAM_CALLS = [
  "submit",
  "status",
  "result",
  "cancel",
  "list",
  "deployment",
] as const;
export type UpstreamCall = (typeof UPSTREAM_CALLS)[number];

/** What a fault has at hand to give its answer. */
type Exchange = {
  readonly response: ServerResponse;
  /** Null on a submit that has not been accepted, and on a list. */
  readonly requestId: string | null;
  /** How often this call was asked for this request before. */
  readonly pastCalls: number;
  /** Another origin, which records what reaches it. */
  readonly elsewhereUrl: string;
  /** Gives the contract's answer, with these members set or (undefined) left out (of each entry of a list). */
  readonly answerWell: (changes?: Record<string, unknown>) => void;
};

/** How a fault answers. */
export type FaultDefinition = {
  /** The calls that it spoils when none are named. */
  readonly on: readonly UpstreamCall[];
  readonly answer: (exchange: Exchange) => void;
};

const ALL = UPSTREAM_CALLS;
const DEBUG = "Traceback of gpu-worker-7.internal";

/** Every trap of the upstream by name: a deployment `fault-<name>` falls into it. */
const FAULTS = {
  // Proxies and garbage
  "html-500": page(500),
  "html-502": page(502),
  "html-404": page(404),
  "html-200": page(200),
  "not-json": plain(200, '{"status": "succ'),
  "empty-204": anywhere(({ response }) => response.writeHead(204).end()),
  "null-200": body(200, null),
  "deep-body": plain(200, "[".repeat(100_000) + "]".repeat(100_000)),
  "huge-body": anywhere(({ response }) => pour(response)),
  "two-mebibytes": well(ALL, { padding: "x".repeat(2 * 1024 * 1024) }),

  // Connections
  "no-answer": anywhere(() => {}),
  "dripping-body": anywhere(({ response }) => drip(response)),
  "endless-402": anywhere(({ response }) => begin(response, 402)),
  "reset-before-answer": anywhere(({ response }) => response.socket?.resetAndDestroy()),
  "reset-in-body": anywhere(({ response }) => {
    begin(response, 200);
    setTimeout(() => response.socket?.resetAndDestroy(), 20);
  }),
  redirect: anywhere((exchange) => redirect(exchange, 302)),
  "redirect-307": anywhere((exchange) => redirect(exchange, 307)),

  // Error envelopes
  "envelope-200": refusal(200, 404_001),
  "envelope-200-with-status": body(200, {
    status: "error",
    error_code: 403_003,
    error_message: "not yours",
  }),
  "envelope-200-internal": refusal(200, 500_001),
  "internal-500": refusal(500, 500_001),
  "internal-400": refusal(400, 500_001),
  "envelope-503": refusal(503, 503_001),
  unauthorized: refusal(401, 401_001),
  forbidden: refusal(403, 403_003),
  "forbidden-message": body(403, { message: "Forbidden" }),
  "not-found": refusal(404, 404_001),
  lost: refusal(404, 404_001, ["status", "result"]),
  "not-found-at-first": {
    on: ["status"],
    answer: ({ response, pastCalls, answerWell }) =>
      pastCalls < 2 ? refuse(response, 404, 404_001) : answerWell(),
  },
  "insufficient-funds": refusal(400, 10_001),
  "insufficient-funds-200": refusal(200, 10_001),
  "payment-required": plain(402, ""),
  "no-balance": refusal(400, 400_002),
  "bad-token-400": refusal(400, 400_004),
  "bad-model-id": refusal(400, 400_001),
  "not-the-owner": refusal(403, 403_001),
  "deployment-deleted": refusal(400, 10_003),
  "nested-error": body(400, {
    detail: { error: { code: 10_002, message: "off", details: {} } },
  }),
  "timeout-408": plain(408, ""),
  "teapot-418": body(418, { message: "no" }),
  validation: body(
    422,
    {
      detail: [
        { loc: ["body", "width"], msg: "must be at least 64", type: "value_error" },
        { loc: ["body", "prompts", 0, "text"], msg: "see https://internal.example/x", type: "x" },
      ],
    },
    ["submit"],
  ),
  "validation-node": body(
    422,
    {
      error_code: 422_001,
      error_message: "validation failed",
      detail: [
        { loc: ["body", "overrides", "6", "inputs", "text"], msg: "must be shorter", type: "x" },
        { loc: ["body", "overrides", "99"], msg: "node not in workflow", type: "value_error" },
      ],
    },
    ["submit"],
  ),
  "validation-400": body(400, { message: "image_url is missing" }, ["submit"]),
  "validation-code": body(
    400,
    {
      error_code: 400_999,
      error_message: "The vendor's own words.",
      detail: [{ loc: ["body", "width"], msg: "must be at least 64", type: "value_error" }],
    },
    ["submit"],
  ),
  "validation-field": body(
    400,
    { error_code: 400_999, error_message: "must be at least 64", field: "width" },
    ["submit"],
  ),
  "worded-code-400": body(400, { error_code: "BUSY", error_message: "The vendor's own words." }),
  "validation-text": body(422, { detail: "bad input at 10.0.0.7" }, ["submit"]),

  // Limits
  "rate-limited": anywhere(({ response }) => limit(response, "7")),
  "rate-limited-without-time": anywhere(({ response }) => limit(response, null)),
  "unavailable-for-a-while": anywhere(({ response }) =>
    json(response, 503, { message: "deploying" }, { "retry-after": "9" }),
  ),

  // Submit
  "no-id": body(200, { status: "in_queue" }, ["submit"]),
  "odd-id": well(["submit"], { request_id: "../../v2/deployments" }),
  "foreign-urls": {
    on: ["submit", "status"],
    answer: ({ answerWell, elsewhereUrl }) =>
      answerWell({
        status_url: `${elsewhereUrl}/status`,
        result_url: `${elsewhereUrl}/result`,
        cancel_url: `${elsewhereUrl}/cancel`,
      }),
  },

  "another-request": well(["status", "result"], { request_id: "another" }),

  // Status
  "completed-cancelled": well(["status"], { status: "completed", outcome: "cancelled" }),

  // `completed` on /status, and what /result then says
  "completed-but-failed": finished("completed", { status: "failed", error: "CUDA out of memory" }),
  "completed-with-output": finished("completed", { status: "completed", output: { images: [] } }),

  // A failed result's reason
  "error-object": finished("failed", {
    status: "error",
    error: { type: "OOM", message: "CUDA out of memory", debugInfo: DEBUG },
  }),

  // Result
  "output-hostile-keys": {
    on: ["result"],
    answer: ({ response, requestId }) =>
      text(
        response,
        200,
        `{"request_id":"${requestId}","status":"succeeded","output":{"__proto__":{"then":1},"then":"x","constructor":null}}`,
      ),
  },

  "deep-result": result(() => `${"[1,".repeat(400_000)}1${"]".repeat(400_000)}`),
  "numbers-result": result(() => `[1${",1".repeat(3_400_000)}]`),

  "not-ready-400": refusal(400, 400_005, ["result"]),
  "cost-late": {
    on: ["result"],
    answer: ({ pastCalls, answerWell }) => answerWell(pastCalls < 1 ? { cost: undefined } : {}),
  },

  // Cancel
  "cancel-too-late": well(["cancel"], { status: "completed", outcome: "not_cancellable" }),
  "cancel-too-late-409": body(409, { status: "x", outcome: "not_cancellable" }, ["cancel"]),
  "cancel-refused-409": body(409, { status: "cancelled" }, ["cancel"]),
  "cancel-requested": well(["cancel"], { status: "cancellation_requested", outcome: undefined }),

  // List
  "list-not-a-list": body(200, { deployments: "none" }, ["list"]),
} as const satisfies Record<string, FaultDefinition>;

/** All of them, in the order above. */
export const FAULT_NAMES: readonly string[] = Object.keys(FAULTS);

/** A name of `FAULTS`, `word-<word>`: /status then answers with that word, or `code-<number>`: HTTP 400 with that code. */
export type FaultName = keyof typeof FAULTS | `word-${string}` | `code-${number}`;

/** The fault of a name. */
export function findFault(name: string): FaultDefinition {
  if (name.startsWith("word-")) return well(["status"], { status: name.slice("word-".length) });
  if (name.startsWith("code-")) return refusal(400, Number(name.slice("code-".length)));
  const fault = Object.entries<FaultDefinition>(FAULTS).find(([one]) => one === name)?.[1];
  if (fault === undefined) throw new Error(`There is no fault ${name}; faults.ts lists them.`);
  return fault;
}

function redirect({ response, elsewhereUrl }: Exchange, status: number): void {
  response.writeHead(status, { location: `${elsewhereUrl}/stolen` }).end();
}

function anywhere(answer: FaultDefinition["answer"]): FaultDefinition {
  return { on: ALL, answer };
}

function page(status: number): FaultDefinition {
  return anywhere(({ response }) => html(response, status));
}

function plain(status: number, content: string): FaultDefinition {
  return anywhere(({ response }) => text(response, status, content));
}

function body(status: number, content: unknown, on: FaultDefinition["on"] = ALL): FaultDefinition {
  return { on, answer: ({ response }) => json(response, status, content) };
}

function refusal(status: number, code: number, on: FaultDefinition["on"] = ALL): FaultDefinition {
  return { on, answer: ({ response }) => refuse(response, status, code) };
}

/** The contract's answer to these calls, changed. */
function well(on: FaultDefinition["on"], changes: Record<string, unknown>): FaultDefinition {
  return { on, answer: ({ answerWell }) => answerWell(changes) };
}

/** A success with this output, as JSON that is made once. */
function result(toOutput: () => string): FaultDefinition {
  let output: string | null = null;
  return {
    on: ["result"],
    answer({ response, requestId }) {
      output ??= toOutput();
      text(response, 200, `{"request_id":"${requestId}","status":"succeeded","output":${output}}`);
    },
  };
}

/** A job that /status calls ended with this word, and of which /result says just this. */
function finished(word: string, result: Record<string, unknown>): FaultDefinition {
  return {
    on: ["status", "result"],
    answer: ({ response, requestId, answerWell }) => {
      if (response.req.url?.endsWith("/status")) return answerWell({ status: word });
      json(response, 200, { request_id: requestId, ...result });
    },
  };
}
