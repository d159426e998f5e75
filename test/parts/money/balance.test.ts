import { pino } from "pino";
import { startSandbox } from "runcomfy-sandbox";
import { expect, onTestFinished, test } from "vitest";

import { readBalance } from "../../../src/engine/runcomfy/read-balance.ts";
import { RunComfyError } from "../../../src/engine/runcomfy/runcomfy-error.ts";
import { BalanceReader } from "../../../src/parts/money/balance.ts";
import { SANDBOX, start } from "../../gateway/open-gateway.ts";
import { connect, failureOf } from "../../runcomfy/connect.ts";
import { startFaultyUpstream } from "../../support/faulty-upstream/faulty-upstream.ts";
import { createViewer } from "../../support/viewers.ts";

const MINUTE_MS = 60_000;
const OPERATOR = createViewer({ scopes: new Set(["operate"] as const) });

/** A reader of what `answers` has, one after the other and then the last one again, by a clock that `pass` moves. */
function open(answers: readonly (number | Error)[], warnBelow: number | null = null) {
  const clock = { ms: 0 };
  const lines: string[] = [];
  let asked = 0;
  const reader = new BalanceReader({
    async readBalance() {
      const answer = answers[Math.min(asked, answers.length - 1)];
      asked += 1;
      if (typeof answer !== "number") throw answer ?? new Error("Nothing is answered.");
      return answer;
    },
    warnBelow,
    log: pino({}, { write: (line: string) => void lines.push(JSON.parse(line).msg) }),
    now: () => Date.UTC(2026, 0, 2) + clock.ms,
    monotonic: () => clock.ms,
  });
  onTestFinished(() => reader.close());
  return {
    ...{ reader, lines },
    asked: () => asked,
    pass: (ms: number) => void (clock.ms += ms),
    read: () => reader.read(OPERATOR),
    shown: () => reader.figures.map(({ read }) => read()),
  };
}

test("the balance is what RunComfy says, also when it is spent or below 0", async () => {
  const sandbox = await startSandbox({ port: 0, token: "t", speed: 100, dataFolder: null });
  onTestFinished(() => sandbox.close());
  const runcomfy = connect({ url: sandbox.url, token: "t" });
  const balances = [];
  for (const fault of [[], ["balance-zero"], ["balance-negative"]]) {
    sandbox.setFaults(fault);
    balances.push(await runcomfy.readBalance());
  }
  expect(balances).toEqual([25, 0, -0.5]);
  for (const fault of ["error-500", "not-json", "unauthorized-401", "no-connection"]) {
    sandbox.setFaults([`${fault}:balance`]);
    await failureOf(runcomfy.readBalance());
  }
  // None of them counts as a failure of what jobs need.
  sandbox.setFaults([]);
  expect(await runcomfy.listDeployments("all")).not.toEqual([]);
});

test("an answer without an amount in US dollars has no balance", () => {
  expect(readBalance({ balance_usd: 1.5, balance_microdollars: 2 })).toBe(1.5);
  expect(readBalance({ balance_microdollars: -250_000, currency: "usd" })).toBe(-0.25);
  for (const odd of [{}, [], null, { balance_usd: "1" }, { balance_usd: 1, currency: "EUR" }])
    expect(readBalance(odd)).toBeNull();
});

test("however many read the balance, RunComfy is asked once a minute", async () => {
  const { read, shown, pass, asked } = open([25, 24]);
  const all = await Promise.all(Array.from({ length: 50 }, read));
  expect(new Set(all)).toEqual(new Set([{ usd: 25, readAt: new Date("2026-01-02") }]));
  pass(MINUTE_MS - 1);
  expect([await read(), shown(), asked()]).toEqual([all[0], [new Map([["USD", 25]])], 1]);
  pass(1);
  expect(await read()).toEqual({ usd: 24, readAt: new Date("2026-01-02T00:01:00Z") });
  expect(asked()).toBe(2);
});

test("while RunComfy doesn't say, there is no balance and no figure, and one line says so", async () => {
  const failure = new RunComfyError("It fails.", { code: "UNAVAILABLE", delivery: "unknown" });
  const { read, shown, pass, lines, asked } = open([25, failure, failure, 24], 10);
  expect(shown()).toEqual([new Map()]);
  expect(await read()).toMatchObject({ usd: 25 });
  for (const count of [2, 3]) {
    pass(MINUTE_MS);
    expect([await read(), await read(), shown(), asked()]).toEqual([
      null,
      null,
      [new Map()],
      count,
    ]);
  }
  pass(MINUTE_MS);
  expect(await read()).toMatchObject({ usd: 24 });
  expect(lines).toEqual([expect.stringMatching(/does not say.*dashboard/)]);
});

test("a balance below the limit is logged once, until it is above again", async () => {
  const { read, pass, lines } = open([10, 9.99, -1, 10, 3], 10);
  const logged = [];
  for (let count = 0; count < 5; count += 1) {
    await read();
    logged.push(lines.length);
    pass(MINUTE_MS);
  }
  expect(logged).toEqual([0, 1, 1, 1, 2]);
  expect(lines[0]).toMatch(/below BALANCE_WARNING_USD\. Top the account up/);
});

test("nobody is asked unless somebody reads it, or a low one is to be warned of", async () => {
  const idle = open([25]);
  idle.reader.start();
  const warning = open([1], 10);
  warning.reader.start();
  await expect.poll(() => warning.lines[0]).toMatch(/below/);
  expect([idle.asked(), warning.asked()]).toEqual([0, 1]);
});

test("an operator sees the balance of the sandbox; at an upstream that has none it is null", async () => {
  const query = "{ balance { usd readAt } viewer { parts } }";
  const sandbox = await start({ ...SANDBOX, BALANCE_WARNING_USD: "30" });
  expect(await sandbox.ask(query)).toMatchObject({
    balance: { usd: 25, readAt: expect.stringMatching(/^20/) },
    viewer: { parts: expect.arrayContaining(["money"]) },
  });
  expect(sandbox.warnings().filter((line) => line.includes("Top the account up"))).toHaveLength(1);
  const upstream = await startFaultyUpstream();
  const other = await start({}, { upstream });
  expect(await other.ask("{ balance { usd } }")).toEqual({ balance: null });
});
