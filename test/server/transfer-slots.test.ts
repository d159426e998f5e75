import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { unavailable } from "../../src/runtime/coded-error.ts";
import { createTransferSlots } from "../../src/api/server/transfer-slots.ts";

const BUSY = unavailable("Busy.");

beforeEach(() => {
  const timers = ["setInterval", "clearInterval", "setTimeout", "clearTimeout"] as const;
  vi.useFakeTimers({ toFake: [...timers, "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Transfers that note what becomes of them. */
function createTransfers(most: number) {
  const slots = createTransferSlots(most, BUSY);
  const cut: string[] = [];
  return {
    cut,
    /** One at so many bytes a second; null waits for the gateway. */
    begin(name: string, bytesPerSecond: number | null = 10_000) {
      const beganAt = performance.now();
      const state: { slot: "waits" | "refused" | "taken"; release(): void } = {
        slot: "waits",
        release: () => undefined,
      };
      const countBytes = () =>
        bytesPerSecond && ((performance.now() - beganAt) / 1_000) * bytesPerSecond;
      const transfer = { ownerId: name.slice(0, 1), countBytes, cut: () => void cut.push(name) };
      slots
        .run(transfer, () => {
          state.slot = "taken";
          return new Promise<void>((resolve) => (state.release = resolve));
        })
        .catch((error: unknown) => {
          expect(error).toBe(BUSY);
          state.slot = "refused";
        });
      return state;
    },
  };
}

const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1_000);

test("one owner may hold half of the slots, and who comes later as many as they leave free", async () => {
  const { begin, cut } = createTransfers(8);
  const own = ["a1", "a2", "a3", "a4", "a5"].map((name) => begin(name));
  const others = ["b1", "b2", "b3", "c1", "c2"].map((name) => begin(name));
  await pass(5);
  expect(own.map(({ slot }) => slot)).toEqual(["taken", "taken", "taken", "taken", "waits"]);
  expect(others.map(({ slot }) => slot)).toEqual(["taken", "taken", "waits", "taken", "waits"]);
  expect(cut).toEqual([]);
  expect(vi.getTimerCount()).toBe(4);
  for (const { release } of [...own, ...others]) release();
  await pass(0);
  for (const { release } of [...own, ...others]) release();
  await pass(0);
  expect(vi.getTimerCount()).toBe(0);
});

test("who waits for ten seconds is refused, and gives no slot back", async () => {
  const { begin, cut } = createTransfers(1);
  const first = begin("a1");
  const second = begin("a2");
  await pass(9.5);
  expect(second.slot).toBe("waits");
  await pass(1.5);
  expect(second.slot).toBe("refused");
  expect(cut).toEqual([]);
  first.release();
  const third = begin("a3");
  await pass(0);
  expect(third.slot).toBe("taken");
});

test("what waits for the gateway is not cut", async () => {
  const { begin, cut } = createTransfers(2);
  begin("a1", null);
  begin("b1", 0);
  await pass(30);
  const first = begin("c1");
  await pass(1);
  expect([first.slot, cut]).toEqual(["taken", ["b1"]]);
});

test("who is slower than 1 KiB a second for 20 s gives way to those who wait", async () => {
  const { begin, cut } = createTransfers(4);
  begin("a1", 900);
  begin("b1", 1_100);
  begin("c1", 0);
  begin("d1", 50_000);
  await pass(19.5);
  const first = begin("a2");
  await pass(0.4);
  expect([first.slot, cut]).toEqual(["waits", []]);
  await pass(1);
  expect([first.slot, cut]).toEqual(["taken", ["a1"]]);
  const [second, third] = [begin("e1"), begin("f1")];
  await pass(1);
  expect([second.slot, third.slot, cut]).toEqual(["taken", "waits", ["a1", "c1"]]);
});

test("who was slow, and is no longer, stays", async () => {
  const cut: string[] = [];
  let bytes = 0;
  const slots = createTransferSlots(1, BUSY);
  const forever = () => new Promise<void>(() => undefined);
  const first = { ownerId: "a", countBytes: () => bytes, cut: () => void cut.push("a") };
  void slots.run(first, forever);
  await pass(25);
  bytes = 100_000;
  await pass(1);
  const second = { ownerId: "a", countBytes: () => 0, cut: () => undefined };
  slots.run(second, forever).catch(() => undefined);
  await pass(5);
  expect(cut).toEqual([]);
});
