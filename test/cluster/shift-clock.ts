// Preloaded (`node --import`) into a gateway whose wall clock is to be wrong by CLOCK_SHIFT_SECONDS.
const shiftMs = Number(process.env["CLOCK_SHIFT_SECONDS"] ?? 0) * 1_000;
const RightDate = Date;
const rightNow = Date.now;

globalThis.Date = new Proxy(RightDate, {
  get: (target, name, receiver): unknown =>
    name === "now" ? () => rightNow() + shiftMs : Reflect.get(target, name, receiver),
  construct: (target, parts, newTarget) =>
    Reflect.construct(target, parts.length === 0 ? [rightNow() + shiftMs] : parts, newTarget),
  apply: () => new RightDate(rightNow() + shiftMs).toString(),
});
