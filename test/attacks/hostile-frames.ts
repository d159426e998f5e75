import { deflateRawSync } from "node:zlib";

import type { Frame } from "./raw-web-socket.ts";

const [CONTINUATION, TEXT, CLOSE, PING] = [0x0, 0x1, 0x8, 0x9];
/** What a client of graphql-transport-ws greets with. */
export const INIT = { type: "connection_init" };

/** A small question of one. */
export const QUESTION = { type: "subscribe", id: "q", payload: { query: "{ __typename }" } };

/** Half of what a message may hold, and a little. */
const HALF = "x".repeat(132_000);

/** Frames that break RFC 6455, or a bound, and the code that the socket closes with. */
export const BAD_FRAMES: readonly (readonly [string, number, readonly Frame[]])[] = [
  ["without a mask", 1002, [{ ...text("{}"), isMasked: false }]],
  [
    "compressed, which nobody agreed to",
    1002,
    [{ opcode: TEXT, reservedBits: 4, payload: deflateRawSync(Buffer.alloc(50_000_000, " ")) }],
  ],
  ["with the second reserved bit", 1002, [{ ...text("{}"), reservedBits: 2 }]],
  ["of an unknown kind", 1002, [{ opcode: 0x3, payload: "x" }]],
  ["that go on with nothing", 1002, [{ opcode: CONTINUATION, payload: "x" }]],
  ["that ping in parts", 1002, [{ opcode: PING, isLast: false, payload: "x" }]],
  ["that ping with 126 bytes", 1002, [{ opcode: PING, payload: "x".repeat(126) }]],
  ["that close with a code that may not be sent", 1002, [close(0x03, 0xee)]],
  ["that close with invalid UTF-8", 1007, [close(0x03, 0xe8, 0xff)]],
  ["of invalid UTF-8", 1007, [{ opcode: TEXT, payload: Buffer.from([0xff, 0xfe, 0xc0, 0x80]) }]],
  ["of one byte too many", 1009, [text("x".repeat(256 * 1024 + 1))]],
  ["that announce 2^63 bytes", 1009, [{ ...text("x"), length: 2n ** 63n }]],
  [
    "that grow too large in parts",
    1009,
    [TEXT, CONTINUATION, CONTINUATION].map((opcode) => ({ opcode, isLast: false, payload: HALF })),
  ],
];

type BadMessage = readonly [string, number, "before" | "after", readonly string[]];

/** Texts that break graphql-transport-ws, sent before the greeting or after it, and the code that the socket closes with. */
export const BAD_MESSAGES: readonly BadMessage[] = [
  ["a question", 4401, "before", [JSON.stringify(QUESTION)]],
  ["two greetings", 4429, "before", [JSON.stringify(INIT), JSON.stringify(INIT)]],
  ["a third greeting", 4429, "after", [JSON.stringify(INIT)]],
  ["no JSON", 4400, "before", ["{"]],
  ["null", 4400, "before", ["null"]],
  ["an unknown type", 4400, "after", ['{"type":"__proto__"}']],
  ["an empty id", 4400, "after", ['{"type":"subscribe","id":"","payload":{"query":"{a}"}}']],
  [
    "variables that are a number",
    4400,
    "after",
    ['{"type":"subscribe","id":"a","payload":{"query":"{a}","variables":7}}'],
  ],
  ["a greeting with a text", 4400, "before", ['{"type":"connection_init","payload":"x"}']],
  [
    "a question with more than 80 levels",
    4400,
    "after",
    [JSON.stringify(QUESTION).replace('"payload":{', `"payload":{"extensions":{"a":${nest(78)}},`)],
  ],
  [
    "a greeting with as many",
    4400,
    "before",
    [`{"type":"connection_init","payload":{"a":${nest(79)}}}`],
  ],
  ["a bracket for each of its bytes", 4400, "after", ["[".repeat(200_000)]],
  ["100,000 levels", 4400, "after", [`{"type":${"[".repeat(100_000)}${"]".repeat(100_000)}}`]],
];

function nest(levels: number): string {
  return `${"[".repeat(levels)}${"]".repeat(levels)}`;
}

function close(...bytes: readonly number[]): Frame {
  return { opcode: CLOSE, payload: Buffer.from(bytes) };
}

/** A text frame. */
export function text(payload: string): Frame {
  return { opcode: TEXT, payload };
}
