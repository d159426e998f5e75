import { expect, test } from "vitest";

import { createMemoryBudget } from "../../src/runtime/memory-budget.ts";

const MIB = 1_048_576;
/** Of which each owner has one. */
const MAX_BYTES = 4 * MIB;

function open(options: { readonly patienceMs?: number } = {}) {
  const memory = createMemoryBudget({ mostBytes: MAX_BYTES, ...options });
  const aborted: string[] = [];
  return {
    aborted,
    share: (ownerId: string, name = ownerId) => memory.open(ownerId, () => void aborted.push(name)),
  };
}

test("an owner takes a quarter and no more, and gets it back once, from who closes", () => {
  const { share } = open();
  const first = share("anna");
  first.take(MIB);
  const second = share("anna");
  expect(() => second.take(1)).toThrow(/on its way to you.*then ask again/);
  first.close();
  first.close();
  second.take(MIB);
  expect(() => second.take(1)).toThrow("to you");
  second.refund(1);
  second.take(1);
});

test("a share that is closed takes nothing more", async () => {
  const { share } = open();
  const closed = share("anna");
  closed.close();
  expect(() => closed.take(1)).toThrow("The answer is over");
  await expect(closed.acquire(1)).rejects.toThrow("The answer is over");
  closed.refund(MIB);
  closed.charge(MIB);
  share("anna").take(MIB);
});

test("listeners learn that a share is closed, also when it is cut or was closed before", () => {
  const { share } = open();
  const closed: string[] = [];
  const first = share("anna");
  first.onClose(() => closed.push("first"));
  expect(closed).toEqual([]);
  first.close();
  first.close();
  first.onClose(() => closed.push("late"));
  const large = share("anna");
  large.onClose(() => closed.push("large"));
  large.charge(8 * MIB);
  expect(closed).toEqual(["first", "late", "large"]);
});

test("answers of an owner that find no room get it in their order, as others leave", async () => {
  const { share } = open();
  const first = share("anna");
  first.take(MIB);
  const order: string[] = [];
  const ask = async (name: string, bytes: number) => {
    const own = share("anna");
    await own.acquire(bytes);
    order.push(name);
    return own;
  };
  const asked = [ask("a", MIB), ask("b", MIB / 2), ask("c", MIB / 2)];
  await share("ben").acquire(MIB);
  expect(order).toEqual([]);
  first.close();
  const a = await asked[0];
  expect(order).toEqual(["a"]);
  a?.close();
  await Promise.all(asked);
  expect(order).toEqual(["a", "b", "c"]);
});

test("who is closed waits no longer, however often it does, and gives back what it got in that turn", async () => {
  const { share } = open();
  const full = share("anna");
  full.take(MIB);
  const [left, own] = [share("anna"), share("anna")];
  const waits = [left.acquire(1_000), left.acquire(2_000)];
  left.close();
  for (const wait of waits) await expect(wait).rejects.toThrow("The answer is over");
  const waiting = own.acquire(MIB);
  full.close();
  own.close();
  await expect(waiting).rejects.toThrow("The answer is over");
  share("anna").take(MIB);
});

test("who waits for room for too long is told so, and who needs less comes next", async () => {
  const { share } = open({ patienceMs: 20 });
  const holder = share("anna");
  holder.take(MIB / 2);
  const large = share("anna").acquire(MIB);
  const small = share("anna").acquire(1_000);
  await expect(large).rejects.toMatchObject({
    extensions: { code: "RATE_LIMITED", retryAfterSeconds: 1, limit: MIB },
  });
  await small;
});

test("what is held beyond an owner's quarter cuts the owner's connection that holds most", () => {
  const { share, aborted } = open();
  share("ben").charge(MIB);
  const [small, large] = [share("anna", "small"), share("anna", "large")];
  large.charge(MIB * 0.7);
  small.charge(MIB * 0.2);
  expect(aborted).toEqual([]);
  small.charge(MIB * 0.4);
  expect(aborted).toEqual([]);
  small.charge(MIB * 0.5);
  expect(aborted).toEqual(["large"]);
  small.charge(MIB * 1.2);
  expect(aborted).toEqual(["large", "small"]);
  share("anna").take(MIB);
});

test("what is held beyond all that there is cuts the connection that holds most of all", () => {
  const { share, aborted } = open();
  const shares = ["anna", "ben", "cleo", "dan", "eve"].map((owner) => share(owner));
  for (const [index, own] of shares.entries()) own.charge(MIB * (0.7 + index / 100));
  expect(aborted).toEqual([]);
  shares[0]?.charge(MIB);
  expect(aborted).toEqual([]);
  shares[4]?.charge(MIB);
  expect(aborted).toEqual(["anna"]);
});

test("answers that fill their owner's quarter, or all that there is for answers, are not cut for a body's first byte", () => {
  const { share, aborted } = open();
  for (const owner of ["anna", "ben", "cleo"]) share(owner).take(MIB);
  share("dan").take(MIB / 2);
  expect(() => share("eve").take(1)).toThrow(/on its way to everybody.*Ask again/);
  for (const owner of ["anna", "ben", "cleo", "dan", "eve"]) share(owner, "body").charge(1_000);
  expect(aborted).toEqual([]);
});

test("what is held and what was taken are given back apart", () => {
  const { share } = open();
  const own = share("anna");
  own.take(MIB / 2);
  own.charge(1_000);
  own.charge(0);
  own.refund(MIB / 2);
  share("anna").take(MIB);
  expect(() => share("anna").take(1)).toThrow("to you");
});
