import { once } from "node:events";
import { getPriority, setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

import { openRawWebSocket } from "../test/attacks/raw-web-socket.ts";
import type { Attacker, AttackOptions } from "./attack.ts";
import { ATTACK_ROWS } from "./attack-rows.ts";
import { openClient } from "./http-client.ts";

const TELL_MS = 250;
const REST_MS = 20;

// A program that makes one of the attacks until it is killed. It prints `ready` when it begins, and then the outcome.
const name = process.argv[2] ?? "";
const options: AttackOptions = JSON.parse(process.argv[3] ?? "");
const { url, keys } = options;
const port = Number(new URL(url).port);
const { post } = openClient(2_000);
const outcomes = new Map<string, number>();
let hasBegun = false;

// Elsewhere its work would take nothing of the gateway's processors.
setPriority(Math.min(getPriority() + 10, 19));

const attacker: Attacker = {
  ...options,
  port,
  ask: (body, key = keys[0]) => attacker.count(post(url, body, { authorization: `Bearer ${key}` })),
  async post(body, key) {
    const answer = await attacker.ask(body, key);
    if (!answer.includes('"GRAPHQL_VALIDATION_FAILED"')) return answer;
    console.error(answer);
    process.exit(1);
  },
  send: post,
  async count(sending) {
    const text = await sending.catch((error: unknown) => `{"code":"${toCode(error)}"}`);
    const code = /"code":"(\w+)"|"__typename":"(\w+Error)"/.exec(text.slice(0, 4_000));
    const outcome = code?.[1] ?? code?.[2] ?? "answered";
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    // Who is refused at once would have nothing else to do.
    if (outcome !== "answered") await sleep(REST_MS);
    return text;
  },
  async repeat(lanes, act) {
    begin();
    const run = async (lane: number): Promise<never> => {
      // What failed is counted, and then it goes on.
      for (;;) await act(lane).catch((error: unknown) => attacker.count(Promise.reject(error)));
    };
    await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)));
  },
  async openSocket() {
    const opened = await openRawWebSocket(port);
    opened.socket.setMaxListeners(1_000);
    await Promise.race([once(opened.socket, "data"), opened.closed]);
    opened.say({ type: "connection_init", payload: { authorization: `Bearer ${keys[0]}` } });
    return opened;
  },
};

function begin(): void {
  if (hasBegun) return;
  hasBegun = true;
  console.log("ready");
}

function toCode(error: unknown): string {
  return /answered (\d{3})/.exec(String(error))?.[1] ?? "cut";
}

setInterval(() => console.log(JSON.stringify([...outcomes])), TELL_MS);
await ATTACK_ROWS[name]?.attack(attacker);
begin();
