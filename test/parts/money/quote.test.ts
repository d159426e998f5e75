import { expect, test } from "vitest";

import { makeQuotes, PRICED_AT } from "./make-quotes.ts";

const MODEL = {
  id: "wan-ai/wan-3.0/image-to-video",
  kind: "model",
  name: "Wan",
  price: { amount: 0.08, unit: "second", note: "1080p costs twice as much." },
  inputSchema: {
    properties: {
      prompt: { type: "string" },
      duration: { type: "integer", default: 5 },
      seed: { type: "integer" },
    },
  },
};
const PICTURE = {
  ...{ id: "flux/flash", kind: "model", name: "Flux", price: { amount: 0.01, unit: "output" } },
  inputSchema: { properties: { prompt: { type: "string" }, num_images: { type: "integer" } } },
};
const LORA = { id: "lora", name: "Glow", model: "flux" };
const viewer = { ownerId: "ben" };
const NONE = {
  ...{ micros: null, minMicros: null, maxMicros: null, reserveMicros: null },
  ...{ perSecondMicros: null, overheadSeconds: 0, pricedAt: PRICED_AT },
};

function ask(deploymentId: string, input = {}) {
  return { viewer, deploymentId, input };
}

test("a model costs what its owner's last runs with the same settings did", async () => {
  const { quotes, asked } = makeQuotes([MODEL], { learned: { ben: 410_000 } });
  const quote = await quotes.quote(ask(MODEL.id, { duration: 6, seed: 1 }));
  expect(quote).toEqual({
    ...{ ...NONE, source: "ESTIMATED", micros: 410_000, reserveMicros: 410_000 },
    reason: "What the owner's last three runs with these settings each cost.",
    settings: asked[0]?.[2],
  });
  expect(asked).toEqual([["ben", MODEL.id, quote.settings]]);
  const others = await quotes.quote({
    ...ask(MODEL.id, { duration: 6 }),
    viewer: { ownerId: "c" },
  });
  expect(others).toMatchObject({ micros: 480_000, settings: quote.settings });
});

test("what the sandbox has charged teaches nothing about RunComfy", async () => {
  const quotes = ["sandbox", "runcomfy"].map(
    (upstream) => makeQuotes([MODEL], { upstream }).quotes,
  );
  const [one, other] = await Promise.all(quotes.map((each) => each.quote(ask(MODEL.id))));
  expect(one?.settings).not.toBe(other?.settings);
});

test("else it costs its base price by what its input asks for, which sets nothing aside in a budget", async () => {
  const { quotes } = makeQuotes([MODEL, PICTURE]);
  expect(await quotes.quote(ask(MODEL.id))).toMatchObject({
    ...{ ...NONE, source: "ESTIMATED", micros: 400_000 },
    reason:
      "RunComfy's base price of $0.08 per second, times 5; not a guaranteed minimum. 1080p costs twice as much.",
    settings: expect.stringMatching(/^[\w-]{43}$/),
  });
  expect(await quotes.quote(ask(PICTURE.id))).toMatchObject({
    micros: 10_000,
    reason: "RunComfy's base price of $0.01 per output; not a guaranteed minimum.",
  });
  expect(await quotes.quote(ask(PICTURE.id, { num_images: 3 }))).toMatchObject({ micros: 30_000 });
});

test("a price that the sandbox has invented is called the sandbox's", async () => {
  const { quotes } = makeQuotes([{ ...PICTURE, from: "sandbox" }]);
  const { reason } = await quotes.quote(ask(PICTURE.id));
  expect(reason).toContain("The sandbox's base price of $0.01 per output");
});

test("a model without a price, a countable unit or a duration costs nobody knows what, and the reason says why", async () => {
  const { price: _, ...unpriced } = PICTURE;
  const byPixel = { ...PICTURE, id: "a/pixel", name: "P", price: { amount: 1, unit: "megapixel" } };
  const endless = { ...MODEL, id: "a/auto", name: "E", inputSchema: { properties: { a: {} } } };
  const { quotes } = makeQuotes([unpriced, byPixel, endless]);
  const reasons = [
    [PICTURE.id, /has no price of this model.*refresh -- --write$/],
    [byPixel.id, /by the megapixel/],
    [endless.id, /no `duration` in seconds/],
  ] as const;
  for (const [id, reason] of reasons)
    expect(await quotes.quote(ask(id))).toEqual({
      ...{ ...NONE, source: "UNKNOWN", reason: expect.stringMatching(reason) },
      settings: expect.any(String),
    });
});

test("without a schema nothing is learned, and the price holds all the same", async () => {
  const { inputSchema: _, ...bare } = MODEL;
  const { quotes, asked } = makeQuotes([bare], { learned: { ben: 1 } });
  const quote = await quotes.quote(ask(MODEL.id, { duration: 2 }));
  expect(quote).toMatchObject({ micros: 160_000, settings: null });
  expect(asked).toEqual([]);
});

test("a deployment costs the seconds of its runs by the price of its hardware, with a cold start and keep-warm at most", async () => {
  const listed = [{ id: "lora", hardware: ["AMPERE_48"], keepWarmSeconds: 90 }];
  const runSeconds = Array.from({ length: 40 }, () => 36);
  const { quotes, asked } = makeQuotes([LORA], { listed, runSeconds });
  const quote = await quotes.quote(ask("lora", { prompt: "p" }));
  expect(quote).toMatchObject({
    ...{ ...NONE, source: "ESTIMATED", perSecondMicros: 2_500_000 / 3_600, overheadSeconds: 390 },
    minMicros: expect.any(Number),
    maxMicros: expect.any(Number),
    reserveMicros: quote.maxMicros,
    reason:
      "Past runs at $2.5 an hour (RunComfy's list of 1 December 2026): from their median on a running instance to their 99th percentile with a cold start and the 90 s for which an idle instance is kept.",
    settings: null,
  });
  // 36 s, and up to 390 s more, at $2.50 an hour.
  expect(quote.minMicros).toBeCloseTo(25_000, -3);
  expect(quote.maxMicros).toBeGreaterThan((36 + 390) * (2_500_000 / 3_600));
  expect(quote.maxMicros).toBeLessThan((80 + 390) * (2_500_000 / 3_600));
  expect([quote.minMicros, quote.maxMicros].every(Number.isSafeInteger)).toBe(true);
  expect(asked).toEqual([]);
});

test("a deployment's own price wins over the list, which has a column for each plan", async () => {
  const listed = [{ id: "lora", hardware: ["AMPERE_48"] }];
  const runs = { listed, runSeconds: [10] };
  const pro = makeQuotes([LORA], { ...runs, plan: "pro" });
  expect(await pro.quotes.quote(ask("lora"))).toMatchObject({
    perSecondMicros: 1_990_000 / 3_600,
    overheadSeconds: 360,
  });
  const own = makeQuotes([{ ...LORA, usdPerHour: 1.8 }], runs);
  expect(await own.quotes.quote(ask("lora"))).toMatchObject({
    perSecondMicros: 500,
    reason: expect.stringContaining("at $1.8 an hour (the deployments file)"),
  });
});

test("a deployment that is not in the file costs what its hardware does", async () => {
  const listed = [{ id: "other", hardware: ["TURING_16"] }];
  const { quotes } = makeQuotes([LORA], { listed, runSeconds: [10] });
  expect(await quotes.quote(ask("other"))).toMatchObject({ perSecondMicros: 275 });
});

test("without runs or a price of its hardware nobody knows what a deployment costs, and the reason says what would help", async () => {
  const listed = [
    { id: "lora", hardware: ["AMPERE_48"], keepWarmSeconds: -1 },
    { id: "new", hardware: ["BLACKWELL_96"] },
  ];
  const { quotes } = makeQuotes([LORA], { listed });
  expect(await quotes.quote(ask("lora"))).toEqual({
    ...{ ...NONE, source: "UNKNOWN", settings: null },
    // By which its first run will be estimated.
    ...{ perSecondMicros: 2_500_000 / 3_600, overheadSeconds: 300 },
    reason: expect.stringContaining("After the first run there is an estimate."),
  });
  const unpriced = { ...NONE, source: "UNKNOWN", settings: null };
  expect(await quotes.quote(ask("new"))).toEqual({
    ...unpriced,
    reason: expect.stringMatching(/^No price of the hardware .* set usdPerHour/),
  });
  expect(await quotes.quote(ask("silent"))).toEqual({
    ...unpriced,
    reason: expect.stringMatching(/has not said on what hardware .* Try again in a minute/),
  });
});
