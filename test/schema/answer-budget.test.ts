import { expect, test } from "vitest";

import { createAnswerBudget } from "../../src/schema/answer-budget.ts";

const MOST_BYTES = 1_048_576;

test("a share grows to what is asked for, and is given back once", () => {
  const budget = createAnswerBudget(MOST_BYTES);
  const first = budget.open("anna");
  first.grow(MOST_BYTES);
  first.grow(MOST_BYTES / 2);
  first.grow(2 * MOST_BYTES);
  const second = budget.open("anna");
  expect(() => second.grow(20_000)).toThrow("Your answers");
  first.close();
  first.close();
  second.grow(2 * MOST_BYTES);
  expect(() => budget.open("anna").grow(20_000)).toThrow("more than 2 MiB");
});

test("a small answer needs no room", () => {
  const budget = createAnswerBudget(MOST_BYTES);
  budget.open("anna").grow(2 * MOST_BYTES);
  expect(() => budget.open("anna").grow(16_384)).not.toThrow();
});

test("an answer that is over takes nothing more", () => {
  const budget = createAnswerBudget(MOST_BYTES);
  const share = budget.open("anna");
  share.close();
  expect(() => share.grow(MOST_BYTES)).toThrow("The answer is over");
  expect(() => budget.open("anna").grow(2 * MOST_BYTES)).not.toThrow();
});

test("the owners together have room for eight of the largest answers", () => {
  const budget = createAnswerBudget(MOST_BYTES);
  const shares = ["anna", "ben", "cleo", "dan"].map((owner) => {
    const share = budget.open(owner);
    share.grow(2 * MOST_BYTES);
    return share;
  });
  const late = budget.open("eve");
  expect(() => late.grow(20_000)).toThrow("The answers of this gateway");
  shares[0]?.close();
  expect(() => late.grow(2 * MOST_BYTES)).not.toThrow();
});

test("answers of an owner that find no room get it in their order, as others leave", async () => {
  const budget = createAnswerBudget(MOST_BYTES);
  const first = budget.open("anna");
  first.grow(2 * MOST_BYTES);
  const order: string[] = [];
  const ask = async (name: string) => {
    const share = budget.open("anna");
    await share.growInTurn(MOST_BYTES);
    order.push(name);
    return share;
  };
  const asked = ["a", "b", "c"].map(ask);
  await budget.open("ben").growInTurn(MOST_BYTES);
  expect(order).toEqual([]);
  first.close();
  const [a] = await Promise.all(asked.slice(0, 2));
  expect(order).toEqual(["a", "b"]);
  a?.close();
  await asked[2];
  expect(order).toEqual(["a", "b", "c"]);
});

test("who waits for room for too long is told so, and who has left waits no longer", async () => {
  const budget = createAnswerBudget(MOST_BYTES, { patienceMs: 20 });
  budget.open("anna").grow(2 * MOST_BYTES);
  const gone = budget.open("anna");
  const over = gone.growInTurn(20_000);
  const late = budget.open("anna").growInTurn(20_000);
  gone.close();
  await expect(over).rejects.toThrow("The answer is over");
  await expect(late).rejects.toThrow("Your answers");
});
