import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../support/parts.ts";
import { createChannels } from "../../../src/engine/diagnostics/channels.ts";
import { startCollector } from "./otlp-collector.ts";

/** So many leave at once. */
const BATCH = 512;
const QUERY = { kind: "query", name: null, startedAt: 0, code: null };

async function open(variables: Readonly<Record<string, string>> = {}) {
  const collector = await startCollector();
  const config = loadConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...variables });
  const found = config.parts.find((one) => one.part.name === "traces");
  if (found?.part.observe === undefined) throw new Error("There are no traces.");
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const channels = createChannels();
  const observed = { config, version: "1", channels, figures: [], engine: () => null, log };
  const traces = await found.part.observe(observed, found.settings);
  onTestFinished(() => traces.close());
  const run = (traceparent?: unknown) =>
    channels.operation.tracePromise(async () => null, { ...QUERY, traceparent });
  return {
    collector,
    lines,
    close: traces.close,
    run,
    async fill() {
      const before = collector.headers.length;
      for (let count = 0; count < BATCH; count++) await run();
      await expect.poll(() => collector.headers.length).toBeGreaterThan(before);
    },
  };
}

test("a collector that refuses traces is logged once, and so is its return", async () => {
  const { collector, lines, fill } = await open();
  collector.answerWith(400);
  for (const _ of [1, 2]) await fill();
  await expect.poll(() => lines).toEqual([expect.stringContaining("Traces can't be sent")]);
  collector.answerWith(200);
  await fill();
  await expect
    .poll(() => lines.slice(1))
    .toEqual([expect.stringContaining("Traces are sent again")]);
});

test("a stop does not wait for a collector that never answers", async () => {
  const { collector, lines, run, close } = await open();
  collector.fallSilent();
  await run();
  await close();
  // The exporter still waits for its answer, or would have said so.
  expect([collector.headers.length, lines]).toEqual([1, []]);
});

test.each([
  ["always_on", "1", true, true],
  ["traceidratio", "0", false, false],
  ["parentbased_always_on", "1", true, false],
  ["parentbased_always_off", "1", false, false],
  ["parentbased_traceidratio", "0", false, false],
])(
  "%s with %s keeps a trace of its own: %s, one that the caller does not keep: %s",
  async (sampler, part, keepsOwn, keepsUnwanted) => {
    const { collector, run, close } = await open({
      OTEL_TRACES_SAMPLER: sampler,
      OTEL_TRACES_SAMPLER_ARG: part,
    });
    const unwanted = "a".repeat(32);
    await run(undefined);
    await run(`00-${unwanted}-${"b".repeat(16)}-00`);
    await close();
    const ids = collector.spans.map(({ traceId }) => traceId);
    expect(ids.some((id) => id !== unwanted)).toBe(keepsOwn);
    expect(ids.includes(unwanted)).toBe(keepsUnwanted);
  },
);

test("a collector that is no URL is refused without being quoted", () => {
  const act = () => loadConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: "secret" });
  expect(act).toThrow(/OTEL_EXPORTER_OTLP_ENDPOINT must be an http: or https: URL/);
  expect(act).not.toThrow(/secret/);
});
